// The key that signs packages on this machine: made at the first build, then the same for ever, for
// it is the namespace of what it signs.

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Random } from "../base/random.ts";
import { deriveIdentity } from "../identity/key-tree.ts";
import { createKeystore, readKeystore } from "../identity/keystore.ts";
import { ENTROPY_SIZE } from "../identity/phrase.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Publisher } from "./package-file.ts";

/**
 * The publisher of the key file at `path` (a keystore, mode 0600; docs/formats/keys.md), which is
 * created with its folder when there is none. Throws `TWIN_KEYSTORE_INVALID` when the file is
 * damaged or open to other users.
 */
export async function openPublisherKey(parts: {
  readonly path: string;
  readonly kernels: Pick<Kernels, "deriveKey">;
  readonly random: Random;
}): Promise<Publisher> {
  const { path, kernels, random } = parts;
  const kept = await readKeystore(path, kernels);
  if (kept !== undefined) return deriveIdentity(kept, kernels);
  const entropy = random.bytes(ENTROPY_SIZE);
  await mkdir(dirname(path), { recursive: true });
  await createKeystore(path, entropy, kernels);
  return deriveIdentity(entropy, kernels);
}
