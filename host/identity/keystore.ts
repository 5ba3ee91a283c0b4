// The host's keystore file: the entropy of its twin, so that the host starts without the phrase at
// hand (docs/formats/keys.md, "Keystore file"). Format 1 is in the clear, guarded by file rights.

import { equalSecrets, jsonDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { KEY_CONTEXTS } from "./key-tree.ts";
import { ENTROPY_SIZE } from "./phrase.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

const FORMAT = "twin-keystore";
const VERSION = 1;
const CHECKSUM_SIZE = 16;

type DeriveKey = Pick<Kernels, "deriveKey">;

/**
 * The 32 bytes of entropy in the keystore at `path`, or undefined when there is no such file.
 * Throws `TWIN_KEYSTORE_INVALID` when it is damaged, of a newer format, or open to other users.
 */
export async function readKeystore(path: string, kernels: DeriveKey): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = await readSecretFile(path);
  if (bytes === undefined) return undefined;
  const fields = decodeFields(bytes);
  if (fields?.format !== FORMAT) throw damaged(path);
  if (typeof fields.version === "number" && fields.version > VERSION)
    throw new TwinError(
      "TWIN_KEYSTORE_INVALID",
      `The keystore ${path} has format ${fields.version}; this program reads format ${VERSION}: use a newer one.`,
    );
  const entropy = decodeHex(fields.entropy, ENTROPY_SIZE);
  const checksum = decodeHex(fields.checksum, CHECKSUM_SIZE);
  if (fields.version !== VERSION || entropy === undefined || checksum === undefined) throw damaged(path);
  if (!equalSecrets(checksum, checksumOf(entropy, kernels))) throw damaged(path);
  return entropy;
}

/**
 * Creates the keystore at `path` for `entropy`, durable when it resolves. Throws
 * `TWIN_KEYSTORE_INVALID` when one is there already: a twin's keys are never overwritten.
 */
export async function createKeystore(path: string, entropy: Uint8Array, kernels: DeriveKey): Promise<void> {
  if (entropy.length !== ENTROPY_SIZE)
    throw new RangeError(`A twin's entropy has ${ENTROPY_SIZE} bytes, not ${entropy.length}.`);
  if ((await readSecretFile(path)) !== undefined)
    throw new TwinError("TWIN_KEYSTORE_INVALID", `The keystore ${path} exists already; it is never overwritten.`);
  const checksum = checksumOf(entropy, kernels).toHex();
  await writeSecretFile(path, jsonEncode({ format: FORMAT, version: VERSION, entropy: entropy.toHex(), checksum }));
}

function checksumOf(entropy: Uint8Array, kernels: DeriveKey): Uint8Array {
  return kernels.deriveKey(KEY_CONTEXTS.keystore, entropy, CHECKSUM_SIZE);
}

function decodeFields(bytes: Uint8Array): Partial<Record<string, unknown>> | undefined {
  try {
    const fields = jsonDecode(bytes);
    return typeof fields === "object" && fields !== null ? fields : undefined;
  } catch {
    return undefined;
  }
}

function decodeHex(text: unknown, size: number): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== "string" || text.length !== size * 2 || !/^[0-9a-f]*$/u.test(text)) return undefined;
  return Uint8Array.fromHex(text);
}

function damaged(path: string): TwinError {
  return new TwinError(
    "TWIN_KEYSTORE_INVALID",
    `The keystore ${path} is damaged; restore the file from a backup, or the twin from its phrase.`,
  );
}
