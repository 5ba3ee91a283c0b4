// The twin's keys at start: those of its keystore, or, where nothing is yet, a fresh twin's.

import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { TwinError } from "./base/errors.ts";
import { systemRandom } from "./base/random.ts";
import type { Identity } from "./identity/identity.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { createKeystore, readKeystore } from "./identity/keystore.ts";
import { ENTROPY_SIZE } from "./identity/phrase.ts";
import type { Kernels } from "./kernels/kernels.ts";

/** What the keystore gives. The entropy is the phrase: secret. */
export interface TwinKeys {
  readonly identity: Identity;
  readonly entropy: Uint8Array;
}

/**
 * Makes the data folder if `create`. Throws `TWIN_CONFIG_INVALID` when there is no twin and none may
 * be made, `TWIN_HOST_FOLDER` when the folder cannot be used.
 */
export async function openDataFolder(folder: string, create: boolean): Promise<void> {
  if (!create && !(await exists(join(folder, "keystore.json")))) {
    throw new TwinError(
      "TWIN_CONFIG_INVALID",
      `There is no twin in ${folder}: make one with "twin start" or "twin init".`,
    );
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TwinError(
      "TWIN_HOST_FOLDER",
      `The data folder ${folder} cannot be made: ${(cause as Error).message}.`,
      {},
      cause,
    );
  }
}

/** Reads the keystore, or makes one where there is neither a keystore nor a twin's data. Call it under the folder's lock. */
export async function openTwinKeys(folder: string, kernels: Kernels): Promise<TwinKeys> {
  const path = join(folder, "keystore.json");
  const kept = await readKeystore(path, kernels);
  if (kept !== undefined) return { identity: deriveIdentity(kept, kernels), entropy: kept };
  if (await exists(join(folder, "twin", "state.sqlite"))) {
    throw new TwinError(
      "TWIN_KEYSTORE_INVALID",
      `${folder} holds a twin's data but its keystore.json is missing: put it back from a backup. Nothing was changed.`,
    );
  }
  const entropy = systemRandom.bytes(ENTROPY_SIZE);
  await createKeystore(path, entropy, kernels);
  return { identity: deriveIdentity(entropy, kernels), entropy };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
