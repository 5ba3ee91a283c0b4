// A vault as the host has it: an SQLite index and seven directories in one folder.

import { join } from "node:path";
import { systemClock } from "../../host/base/clock.ts";
import { silentLog } from "../../host/base/log.ts";
import { systemRandom } from "../../host/base/random.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { openSqliteStateStore } from "../../host/state/sqlite-state-store.ts";
import { openDirectoryShardStore } from "../../host/vault/directory-shard-store.ts";
import type { Vault } from "../../host/vault/object.ts";
import { openVault } from "../../host/vault/open-vault.ts";

/** Opens the vault of `folder`, which must exist. Disposing it frees the index too. */
export async function openFolderVault(
  folder: string,
  indexName = "index.sqlite",
): Promise<{ readonly vault: Vault } & AsyncDisposable> {
  const kernels = await openKernels();
  const key = new Uint8Array(32).fill(5);
  const path = join(folder, indexName);
  const index = await openSqliteStateStore({ path, key, twin: "twin", kernels, random: systemRandom, sizes: "summed" });
  const stores = await Promise.all(
    ["a", "b", "c", "d", "e", "f", "g"].map((name) =>
      openDirectoryShardStore({ name, domain: name, path: join(folder, "stores", name) }),
    ),
  );
  const vault = await openVault({
    key,
    index,
    stores,
    code: { dataShards: 4, parityShards: 2 },
    smallSegmentsKept: 4,
    kernels,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  const dispose = async (): Promise<void> => {
    await vault[Symbol.asyncDispose]();
    await index[Symbol.asyncDispose]();
  };
  return { vault, [Symbol.asyncDispose]: dispose };
}
