// A real vault over stores that a test can break.

import { concatBytes } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import type { Kernels } from "../../host/kernels/kernels.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import type { StateStore } from "../../host/state/state-store.ts";
import type { ObjectInfo, ObjectMeta, Vault } from "../../host/vault/object.ts";
import { openVault, type VaultOptions } from "../../host/vault/open-vault.ts";
import type { ShardStore } from "../../host/vault/shard-store.ts";
import { createFaultyShardStore, type FaultyShardStore } from "./faulty-shard-store.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { createMemoryStateStore } from "./memory-state-store.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** A vault and all that it stands on. */
export interface TestVault {
  readonly vault: Vault;
  readonly stores: FaultyShardStore[];
  readonly index: StateStore;
  readonly clock: ManualClock;
}

/** The vault key of tests. */
export const TEST_KEY: Uint8Array = new Uint8Array(32).fill(7);

let kernels: Promise<Kernels> | undefined;

/** The kernels that tests of one file share. */
export function testKernels(): Promise<Kernels> {
  kernels ??= openKernels();
  return kernels;
}

/** What a test may choose. */
export type TestVaultOptions = Partial<Omit<VaultOptions, "stores">> & {
  readonly seed?: string;
  readonly stores?: FaultyShardStore[];
};

/** Opens 4 + 2 over six stores, unless told otherwise. */
export async function openTestVault({ stores = testStores(6), ...options }: TestVaultOptions = {}): Promise<TestVault> {
  return { ...(await openVaultOver(stores, options)), stores };
}

/** The same over stores of any kind. */
export async function openVaultOver(
  stores: readonly ShardStore[],
  { seed = "seed", ...options }: Omit<TestVaultOptions, "stores"> = {},
): Promise<Omit<TestVault, "stores">> {
  const index = options.index ?? createMemoryStateStore();
  const clock = createManualClock();
  const vault = await openVault({
    key: TEST_KEY,
    code: { dataShards: 4, parityShards: 2 },
    kernels: await testKernels(),
    clock,
    random: createSeededRandom(seed),
    log: silentLog,
    ...options,
    index,
    stores,
  });
  return { vault, index, clock };
}

/** Stores named a, b, c ... without a fault. */
export function testStores(count: number): FaultyShardStore[] {
  return Array.from({ length: count }, (_, index) => createFaultyShardStore(String.fromCodePoint(97 + index)));
}

/** Puts bytes in pieces of `pieceSize`. */
export function putBytes(
  vault: Vault,
  bytes: Uint8Array,
  meta?: ObjectMeta,
  pieceSize = 64 * 1024,
): Promise<ObjectInfo> {
  return vault.put(inPieces(bytes, pieceSize), meta);
}

/** The bytes as a source. */
export async function* inPieces(bytes: Uint8Array, pieceSize: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

/** All bytes in range. */
export async function readBytes(
  vault: Vault,
  id: string,
  range?: { readonly offset?: number; readonly sizeBytes?: number },
): Promise<Uint8Array> {
  return concatBytes(...(await Array.fromAsync(vault.read(id, range))));
}

/** Lets virtual time pass until `work` has settled. */
export async function whileTimePasses<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => clock.advance(1_000), 1);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Every way to choose `count` of `items`. */
export function combinations<T>(items: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, at) => combinations(items.slice(at + 1), count - 1).map((rest) => [item, ...rest]));
}
