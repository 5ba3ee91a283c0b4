// The vault of a data folder: its index, and the stores that the owner's book lists.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { systemClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { openKernelPool } from "./kernels/pool.ts";
import type { StoresPart } from "./rpc/owner-parts.ts";
import { openSqliteStateStore } from "./state/sqlite-state-store.ts";
import { createStoreBook, defaultStoreLines, openStoreLine, readStoreLines, type StoreLine } from "./store-book.ts";
import type { Vault } from "./vault/object.ts";
import type { OpenTwinStore } from "./vault/open-store.ts";
import { openVault, PUT_JOBS } from "./vault/open-vault.ts";
import type { PutJobs } from "./vault/put-jobs.ts";

/** Four data shards and two parity shards: over six directories from the first start on. */
export const CODE = { dataShards: 4, parityShards: 2 } as const;

/** What {@link openTwinVault} needs. */
export interface TwinVaultParts {
  /** The data folder. */
  readonly folder: string;
  readonly identity: Identity;
  readonly kernels: Kernels;
  /** Workers for the heavy part of puts; as the cores suggest when absent. */
  readonly kernelWorkers?: number | undefined;
  readonly openTwinStore: OpenTwinStore;
  readonly log: Log;
}

/** A vault and the book of its stores. */
export interface TwinVault {
  readonly vault: Vault;
  readonly stores: StoresPart & { readonly lines: () => readonly StoreLine[] };
}

/** Opens both; they are closed with `stack`. Throws `TWIN_CONFIG_INVALID` or `TWIN_STATE_BROKEN`. */
export async function openTwinVault(stack: AsyncDisposableStack, parts: TwinVaultParts): Promise<TwinVault> {
  const { folder, identity, kernels, kernelWorkers, openTwinStore, log } = parts;
  await mkdir(join(folder, "vault"), { recursive: true });
  const index = stack.use(
    await openSqliteStateStore({
      path: join(folder, "vault", "index.sqlite"),
      key: identity.keys.vaultIndex,
      twin: identity.id,
      kernels,
      random: systemRandom,
    }),
  );
  const lines = (await readStoreLines(folder)) ?? defaultStoreLines(CODE.dataShards + CODE.parityShards);
  const pool = stack.use(
    await openKernelPool<PutJobs>({ jobs: PUT_JOBS, clock: systemClock, workerCount: kernelWorkers }),
  );
  const vault = stack.use(
    await openVault({
      key: identity.keys.vault,
      index,
      stores: await Promise.all(lines.map((line) => openStoreLine(folder, line, openTwinStore))),
      draining: lines.filter(({ draining }) => draining === true).map(({ name }) => name),
      code: CODE,
      kernels,
      pool,
      clock: systemClock,
      random: systemRandom,
      log,
    }),
  );
  return { vault, stores: createStoreBook({ folder, vault, lines, openTwinStore }) };
}
