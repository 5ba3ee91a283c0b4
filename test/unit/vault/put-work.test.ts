import { afterAll, describe, expect, it } from "vitest";
import { concatBytes, utf8Encode } from "../../../host/base/bytes.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { type KernelPool, openKernelPool } from "../../../host/kernels/pool.ts";
import type { Slabs } from "../../../host/kernels/slabs.ts";
import type { ObjectInfo, SmallObject } from "../../../host/vault/object.ts";
import { VAULT_JOBS } from "../../../host/vault/open-vault.ts";
import type { VaultJobs } from "../../../host/vault/vault-jobs.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes, type TestVault } from "../../support/test-vault.ts";

const MORTAL_JOBS = new URL("../../support/mortal-vault-jobs.ts", import.meta.url);
const pools: KernelPool<VaultJobs>[] = [];

async function openPool(jobs: URL): Promise<KernelPool<VaultJobs>> {
  const pool = await openKernelPool<VaultJobs>({ jobs, clock: systemClock, workerCount: 2 });
  pools.push(pool);
  return pool;
}

afterAll(async () => {
  for (const pool of pools) await pool[Symbol.asyncDispose]();
});

function shardsOf({ stores }: TestVault): string[] {
  return stores
    .flatMap(({ inner }) => [...inner.shards])
    .map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString("base64")}`)
    .toSorted();
}

/** Some text and much behind it: too much for the main thread. */
function saying(text: string, size = 300_000): Uint8Array {
  return concatBytes(utf8Encode(text), seededBytes(5, size));
}

interface WatchedPool {
  readonly pool: KernelPool<VaultJobs>;
  /** Memory that is lent, each byte of which somebody will have to give back or to forget. */
  readonly lent: ReadonlySet<ArrayBufferLike>;
  readonly forgotten: ReadonlySet<ArrayBufferLike>;
  readonly seen: ReadonlySet<ArrayBufferLike>;
  holders(): number;
}

/** Keeps account of the slabs of a pool. */
function watchSlabs(real: KernelPool<VaultJobs>): WatchedPool {
  const [lent, forgotten, seen] = [new Set<ArrayBufferLike>(), new Set<ArrayBufferLike>(), new Set<ArrayBufferLike>()];
  let holders = 0;
  const slabs: Slabs = {
    take(sizeBytes) {
      const bytes = real.slabs.take(sizeBytes);
      expect(lent.has(bytes.buffer) || forgotten.has(bytes.buffer)).toBe(false);
      lent.add(bytes.buffer);
      seen.add(bytes.buffer);
      return bytes;
    },
    give(bytes) {
      lent.delete(bytes.buffer);
      real.slabs.give(bytes);
    },
    forget(bytes) {
      if (lent.delete(bytes.buffer)) forgotten.add(bytes.buffer);
      real.slabs.forget(bytes);
    },
    hold() {
      const hold = real.slabs.hold();
      holders++;
      return {
        [Symbol.dispose]() {
          holders--;
          hold[Symbol.dispose]();
        },
      };
    },
  };
  const pool: KernelPool<VaultJobs> = {
    workerCount: real.workerCount,
    waitingCount: 0,
    slabs,
    run: (name, input, options) => real.run(name, input, options),
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  };
  return { pool, lent, forgotten, seen, holders: () => holders };
}

async function* named(contents: readonly Uint8Array[]): AsyncGenerator<SmallObject, void, undefined> {
  for (const [index, bytes] of contents.entries()) yield { bytes, meta: { name: `${index}` } };
}

describe("a vault with kernel workers", () => {
  it("makes the very bytes that it makes without them", async () => {
    const alone = await openTestVault({ seed: "same" });
    const helped = await openTestVault({ seed: "same", pool: await openPool(VAULT_JOBS) });
    for (const [index, size] of [0, 1, 70_000, 3_000_000, 3_000_000].entries()) {
      const content = seededBytes(index === 4 ? 3 : index, size);
      const ids = [alone, helped].map(async ({ vault }) => (await putBytes(vault, content, { name: `${index}` })).id);
      const [left, right] = await Promise.all(ids);
      expect(left).toBe(right);
      expect(Buffer.compare(await readBytes(helped.vault, right!), content)).toBe(0);
    }
    expect(shardsOf(helped)).toEqual(shardsOf(alone));
  });

  it("makes the very bytes of many small objects that it makes without them", async () => {
    const alone = await openTestVault({ seed: "same" });
    const helped = await openTestVault({ seed: "same", pool: await openPool(VAULT_JOBS) });
    const contents = Array.from({ length: 30 }, (_, index) => seededBytes(index, index * 1_500));
    const told = await Promise.all(
      [alone, helped].map(async ({ vault }) => {
        const stored: ObjectInfo[] = [];
        await vault.putMany(named(contents), { onStored: (infos) => void stored.push(...infos) });
        return stored;
      }),
    );
    expect(told[1]).toEqual(told[0]);
    expect(shardsOf(helped)).toEqual(shardsOf(alone));
    for (const [index, { id }] of told[1]!.entries()) {
      expect(Buffer.compare(await readBytes(helped.vault, id), contents[index]!)).toBe(0);
    }
  });

  it("gives a long object back also while two stores are lost, and one of the others lies", async () => {
    const { vault, stores } = await openTestVault({ pool: await openPool(VAULT_JOBS) });
    const content = seededBytes(6, 20_000_000);
    const { id } = await putBytes(vault, content);
    const range = { offset: 3_000_001, sizeBytes: 9_000_000 };
    for (const faults of [["none"], ["gone", "gone"], ["none", "lying", "short"]] as const) {
      for (const [index, store] of stores.entries()) store.fault = faults[index] ?? "none";
      expect(Buffer.compare(await readBytes(vault, id), content)).toBe(0);
      expect(Buffer.compare(await readBytes(vault, id, range), content.subarray(3_000_001, 12_000_001))).toBe(0);
    }
  });

  it("fails a put whose worker dies with an error that says try again, leaves nothing of it, and goes on", async () => {
    const opened = await openTestVault({ pool: await openPool(MORTAL_JOBS) });
    const kept = await putBytes(opened.vault, utf8Encode("live"));
    const before = shardsOf(opened);
    await expect(putBytes(opened.vault, saying("die"))).rejects.toMatchObject({
      code: "TWIN_KERNEL_RESTARTED",
      retry: true,
    });
    const many = opened.vault.putMany(named([utf8Encode("die"), seededBytes(4, 200_000), seededBytes(5, 200_000)]));
    await expect(many).rejects.toMatchObject({ code: "TWIN_KERNEL_RESTARTED", retry: true });
    expect(shardsOf(opened)).toEqual(before);
    const next = await putBytes(opened.vault, saying("live another day"));
    expect(Buffer.compare(await readBytes(opened.vault, next.id), saying("live another day"))).toBe(0);
    expect(Buffer.from(await readBytes(opened.vault, kept.id)).toString()).toBe("live");
  });

  it("has no shared memory of a put lent when that is over, however it ended, and lends none that somebody may still use", async () => {
    const watched = watchSlabs(await openPool(MORTAL_JOBS));
    const { vault, stores } = await openTestVault({ pool: watched.pool });
    const failing = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield seededBytes(9, 25_000_000);
      throw new Error("the line broke");
    };
    const puts: readonly (() => Promise<unknown>)[] = [
      () => putBytes(vault, seededBytes(8, 40_000_000)),
      () => vault.put(failing()),
      () => putBytes(vault, saying("die", 5_000_000)),
      () => vault.putMany(named([utf8Encode("die"), ...[1, 2, 3, 4, 5, 6].map((seed) => seededBytes(seed, 200_000))])),
      async () => {
        for (const store of stores.slice(0, 2)) store.fault = "full";
        await putBytes(vault, seededBytes(7, 20_000_000)).finally(() => {
          for (const store of stores) store.fault = "none";
        });
      },
    ];
    for (const [index, put] of puts.entries()) {
      const [outcome] = await Promise.allSettled([put()]);
      expect([index, outcome.status]).toEqual([index, index === 0 ? "fulfilled" : "rejected"]);
      expect([...watched.lent]).toEqual([]);
      expect(watched.holders()).toBe(0);
      // A worker that died with a put's memory, or is still at it, has it for good.
      expect([index, watched.forgotten.size > 0]).toEqual([index, index > 0]);
    }
    const before = watched.seen.size;
    const content = seededBytes(8, 40_000_001);
    const { id } = await putBytes(vault, content);
    expect(Buffer.compare(await readBytes(vault, id), content)).toBe(0);
    // Two segments fly while a third is filled and a fourth named; the first buffer was a small one, the last shards are.
    expect(watched.seen.size - before).toBeLessThanOrEqual(4 + 2 * 6 + 1 + 6);
  });
});
