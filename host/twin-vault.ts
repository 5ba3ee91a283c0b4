// The vault of a data folder: its index, and the stores that the owner's book lists.

import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { type KernelPool, openKernelPool } from "./kernels/pool.ts";
import type { StoresPart } from "./rpc/owner-parts.ts";
import { lockFolder } from "./state/folder-lock.ts";
import { openSqliteStateStore } from "./state/sqlite-state-store.ts";
import {
  createStoreBook,
  openOwnStore,
  openStoreLine,
  readStoreFile,
  type StoreFile,
  type StoreLine,
} from "./store-book.ts";
import type { Vault } from "./vault/object.ts";
import { INDEX_VERSION } from "./vault/vault-index.ts";
import type { OpenTwinStore } from "./vault/open-store.ts";
import { openVault, VAULT_JOBS } from "./vault/open-vault.ts";
import { createReadOnlyStore } from "./vault/read-only-store.ts";
import type { ShardStore } from "./vault/shard-store.ts";
import type { VaultJobs } from "./vault/vault-jobs.ts";

/** Four data shards and two parity shards: over six directories from the first start on. */
export const CODE = { dataShards: 4, parityShards: 2 } as const;

const INDEX = "index.sqlite";

/** What {@link openTwinVault} needs. */
export interface TwinVaultParts {
  /** The data folder. */
  readonly folder: string;
  readonly identity: Identity;
  readonly kernels: Kernels;
  /** Workers for the heavy part of puts; as the cores suggest when absent. */
  readonly kernelWorkers?: number | undefined;
  readonly openTwinStore: OpenTwinStore;
  /** Whether the stores are only looked at: somebody else relies on what stands there. */
  readonly isReadOnly?: boolean | undefined;
  readonly log: Log;
}

/** A vault and the book of its stores. */
export interface TwinVault {
  readonly vault: Vault;
  readonly stores: StoresPart & { readonly lines: () => readonly StoreLine[] };
}

/**
 * Opens both; they are closed with `stack`. An index that is damaged is set aside and made again from the
 * stores. Throws `TWIN_CONFIG_INVALID`.
 */
export async function openTwinVault(stack: AsyncDisposableStack, parts: TwinVaultParts): Promise<TwinVault> {
  const { folder, kernelWorkers, openTwinStore, log } = parts;
  await mkdir(join(folder, "vault"), { recursive: true });
  const file = await readStoreFile(folder, CODE.dataShards + CODE.parityShards);
  const pool = stack.use(
    await openKernelPool<VaultJobs>({ jobs: VAULT_JOBS, clock: systemClock, workerCount: kernelWorkers }),
  );
  const opened = await openOverIndex({ ...parts, file, pool }).catch(async (thrown: unknown) => {
    if (!(thrown instanceof TwinError) || thrown.code !== "TWIN_STATE_BROKEN") throw thrown;
    log.warn({ err: thrown }, "the vault's index is damaged: it is made again from the stores");
    await setIndexAside(folder);
    return await openOverIndex({ ...parts, file, pool });
  });
  const { vault } = stack.use(opened);
  return { vault, stores: createStoreBook({ folder, vault, file, openTwinStore }) };
}

/** Lets the next start make the index of the twin in `folder` again from its stores. Throws `TWIN_HOST_BUSY` while the host of `hostFolder` runs. */
export async function forgetIndex(hostFolder: string, folder: string): Promise<void> {
  const lock = lockFolder(hostFolder);
  try {
    await setIndexAside(folder);
  } finally {
    lock[Symbol.dispose]();
  }
}

async function setIndexAside(folder: string): Promise<void> {
  const path = join(folder, "vault", INDEX);
  await rm(`${path}.broken`, { force: true });
  await rename(path, `${path}.broken`).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== "ENOENT") throw thrown;
  });
  await rm(`${path}-wal`, { force: true });
  await rm(`${path}-shm`, { force: true });
}

async function openOverIndex(
  parts: TwinVaultParts & { readonly file: StoreFile; readonly pool: KernelPool<VaultJobs> },
): Promise<AsyncDisposable & { readonly vault: Vault }> {
  const { folder, identity, kernels, openTwinStore, isReadOnly = false, file, pool, log } = parts;
  const lines = file.stores;
  const openLine = async (line: StoreLine): Promise<ShardStore> =>
    isReadOnly
      ? createReadOnlyStore(await openStoreLine(folder, line, openTwinStore))
      : await openOwnStore(folder, line, openTwinStore);
  await using stack = new AsyncDisposableStack();
  const index = stack.use(
    await openSqliteStateStore({
      path: join(folder, "vault", INDEX),
      key: identity.keys.vaultIndex,
      twin: identity.id,
      kernels,
      random: systemRandom,
      sizes: "summed",
      version: INDEX_VERSION,
      remedy: "Stop the host, then run twin vault reindex",
    }),
  );
  const vault = stack.use(
    await openVault({
      key: identity.keys.vault,
      index,
      stores: await Promise.all(lines.map(openLine)),
      draining: lines.filter(({ draining }) => draining === true).map(({ name }) => name),
      quotaBytes: file.quotaBytes,
      code: CODE,
      kernels,
      pool,
      clock: systemClock,
      random: systemRandom,
      log,
    }),
  );
  const owned = stack.move();
  return { vault, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
