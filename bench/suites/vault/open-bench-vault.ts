// A vault as a host has it: an SQLite index, six directories, and workers for the heavy part of puts.

import { join } from "node:path";
import { systemClock } from "../../../host/base/clock.ts";
import { silentLog } from "../../../host/base/log.ts";
import { systemRandom } from "../../../host/base/random.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { type KernelPool, openKernelPool } from "../../../host/kernels/pool.ts";
import { openSqliteStateStore } from "../../../host/state/sqlite-state-store.ts";
import { openDirectoryShardStore } from "../../../host/vault/directory-shard-store.ts";
import type { Vault } from "../../../host/vault/object.ts";
import { openVault, VAULT_JOBS } from "../../../host/vault/open-vault.ts";
import type { VaultJobs } from "../../../host/vault/vault-jobs.ts";

/** Names of the stores: directories below `stores` in the vault's folder. */
const STORE_NAMES: readonly string[] = ["a", "b", "c", "d", "e", "f"];

/** Opens the vault of a folder, which must exist; disposing it closes its index too. */
export type OpenBenchVault = (folder: string) => Promise<{ readonly vault: Vault } & AsyncDisposable>;

/** The vaults of one run share their kernels and workers, which `stack` ends. */
export async function createVaultOpener(stack: AsyncDisposableStack): Promise<OpenBenchVault> {
  const kernels = await openKernels();
  const pool = stack.use(await openKernelPool<VaultJobs>({ jobs: VAULT_JOBS, clock: systemClock }));
  return (folder) => openBenchVault(folder, kernels, pool);
}

async function openBenchVault(
  folder: string,
  kernels: Kernels,
  pool: KernelPool<VaultJobs>,
): Promise<{ readonly vault: Vault } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const key = new Uint8Array(32).fill(5);
  const path = join(folder, "index.sqlite");
  const index = stack.use(
    await openSqliteStateStore({ path, key, twin: "bench", kernels, random: systemRandom, sizes: "summed" }),
  );
  const stores = await Promise.all(
    STORE_NAMES.map((name) => openDirectoryShardStore({ name, domain: name, path: join(folder, "stores", name) })),
  );
  const code = { dataShards: 4, parityShards: 2 };
  const parts = { clock: systemClock, random: systemRandom, log: silentLog };
  const vault = stack.use(await openVault({ key, index, stores, code, kernels, pool, ...parts }));
  const owned = stack.move();
  return { vault, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
