// The key of this host's PeerId: where a twin is, never who it is. Losing it costs nothing but a
// reconnect; a copy of it lets another pose as this host, but not as its twin.

import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { jsonDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { readSecretFile, writeSecretFile } from "../identity/secret-file.ts";

const FORMAT = "twin-host-key";
const VERSION = 1;
const SEED_SIZE = 32;

/**
 * The host's key in the file at `path`, created when there is none. Throws `TWIN_KEYSTORE_INVALID`
 * when the file is damaged or open to other users of the machine.
 */
export async function openHostKey(path: string, random: Random): Promise<PrivateKey> {
  const bytes = await readSecretFile(path);
  if (bytes === undefined) {
    const seed = random.bytes(SEED_SIZE);
    const key = await generateKeyPairFromSeed("Ed25519", seed);
    const fields = {
      format: FORMAT,
      version: VERSION,
      seed: seed.toHex(),
      peerId: peerIdFromPrivateKey(key).toString(),
    };
    await writeSecretFile(path, jsonEncode(fields));
    return key;
  }
  const { seed, peerId } = decodeFields(bytes, path);
  const key = await generateKeyPairFromSeed("Ed25519", Uint8Array.fromHex(seed));
  // The PeerId doubles as the file's checksum.
  if (peerIdFromPrivateKey(key).toString() !== peerId) throw damaged(path);
  return key;
}

function decodeFields(bytes: Uint8Array, path: string): { readonly seed: string; readonly peerId: unknown } {
  let fields: unknown;
  try {
    fields = jsonDecode(bytes);
  } catch {
    throw damaged(path);
  }
  const { format, version, seed, peerId } = (fields ?? {}) as Partial<Record<string, unknown>>;
  if (format !== FORMAT || version !== VERSION || typeof seed !== "string" || !/^[0-9a-f]{64}$/u.test(seed))
    throw damaged(path);
  return { seed, peerId };
}

function damaged(path: string): TwinError {
  return new TwinError(
    "TWIN_KEYSTORE_INVALID",
    `The host key ${path} is damaged; delete the file: the host gets a new one and its contacts find it again.`,
  );
}
