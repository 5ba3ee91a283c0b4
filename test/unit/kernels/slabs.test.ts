// Shared memory between its uses: lent to one at a time, kept while somebody holds, and never for good.

import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSlabs, type Slabs } from "../../../host/kernels/slabs.ts";

const MIB = 1_048_576;
const LARGE = 4 * MIB + 1;

/** The slabs of several uses at once, all of them given back. */
function useAtOnce(slabs: Slabs, sizes: readonly number[]): Set<SharedArrayBuffer> {
  const taken = sizes.map((size) => slabs.take(size));
  for (const slab of taken) slabs.give(slab);
  return new Set(taken.map(({ buffer }) => buffer));
}

describe("slabs", () => {
  test("are lent to one at a time, and again when they were given back", () => {
    const slabs = createSlabs();
    slabs.hold();
    const [first, second] = [slabs.take(LARGE), slabs.take(LARGE)];
    expect(first.buffer).not.toBe(second.buffer);
    expect(first).toHaveLength(LARGE);
    slabs.give(first.subarray(10, 20));
    const third = slabs.take(LARGE - 1);
    expect(third.buffer).toBe(first.buffer);
    expect(third).toHaveLength(LARGE - 1);
    expect(slabs.take(LARGE).buffer).not.toBe(first.buffer);
  });

  test("begin at a page: they are mapped, each for itself", () => {
    const { buffer, byteOffset } = createSlabs().take(LARGE);
    expect([buffer.growable, buffer.maxByteLength, buffer.byteLength, byteOffset]).toEqual([true, 5 * MIB, 5 * MIB, 0]);
  });

  test("are not taken back twice, and nothing is that was not lent", () => {
    const slabs = createSlabs();
    slabs.hold();
    const [own, foreign] = [slabs.take(LARGE), new Uint8Array(LARGE)];
    for (const bytes of [own, own, foreign, new Uint8Array(new SharedArrayBuffer(LARGE))]) slabs.give(bytes);
    expect(slabs.take(LARGE).buffer).toBe(own.buffer);
    expect([own.buffer, foreign.buffer]).not.toContain(slabs.take(LARGE).buffer);
  });

  test("that were forgotten are never lent again, also when they are given back too late", () => {
    const slabs = createSlabs();
    slabs.hold();
    const lost = slabs.take(LARGE);
    slabs.forget(lost);
    slabs.give(lost);
    expect(slabs.take(LARGE).buffer).not.toBe(lost.buffer);
  });

  test("of shards are not used up for segments, nor the other way round", () => {
    const slabs = createSlabs();
    slabs.hold();
    const [shard, segment] = [slabs.take(4 * MIB), slabs.take(20 * MIB)];
    slabs.give(shard);
    slabs.give(segment);
    expect(slabs.take(3 * MIB).buffer).toBe(shard.buffer);
    expect(slabs.take(16 * MIB).buffer).toBe(segment.buffer);
  });

  test("are found again by the next one who holds, if nothing was collected meanwhile", () => {
    const slabs = createSlabs();
    const hold = slabs.hold();
    const [early, late] = [slabs.take(LARGE), slabs.take(LARGE)];
    slabs.give(early);
    hold[Symbol.dispose]();
    slabs.give(late);
    slabs.hold();
    const found = [slabs.take(LARGE).buffer, slabs.take(LARGE).buffer];
    expect(found).toEqual(expect.arrayContaining([early.buffer, late.buffer]));
    expect(slabs.take(LARGE).buffer).not.toBe(early.buffer);
  });

  test("become no more than are lent at once, in whatever order they come and go", () => {
    const step = fc.record({ isShard: fc.boolean(), give: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const slabs = createSlabs();
        slabs.hold();
        const seen = { shard: new Set<SharedArrayBuffer>(), segment: new Set<SharedArrayBuffer>() };
        const lent = { shard: [] as Uint8Array[], segment: [] as Uint8Array[] };
        const most = { shard: 0, segment: 0 };
        for (const { isShard, give } of steps) {
          const [kind, size, max] = isShard ? (["shard", LARGE, 12] as const) : (["segment", 20 * MIB, 3] as const);
          if (give % 2 === 0 || lent[kind].length === max) {
            for (const bytes of lent[kind].splice(give % max, 1)) slabs.give(bytes);
          } else {
            const bytes = slabs.take(size);
            expect(lent[kind].some(({ buffer }) => buffer === bytes.buffer)).toBe(false);
            lent[kind].push(bytes);
            seen[kind].add(bytes.buffer);
          }
          most[kind] = Math.max(most[kind], lent[kind].length);
        }
        expect([seen.shard.size, seen.segment.size]).toEqual([most.shard, most.segment]);
      }),
      { numRuns: 50 },
    );
  });

  test("tell of what is no longer kept, once it is much, and of no more than that", async () => {
    const told: number[] = [];
    const slabs = createSlabs((sizeBytes) => told.push(sizeBytes));
    const hold = slabs.hold();
    useAtOnce(slabs, [20 * MIB, 20 * MIB]);
    hold[Symbol.dispose]();
    await setImmediate();
    expect(told).toEqual([]);
    // Those that are used again are not loose.
    const next = slabs.hold();
    const [lost, kept] = [slabs.take(20 * MIB), slabs.take(20 * MIB)];
    slabs.give(kept);
    next[Symbol.dispose]();
    await setImmediate();
    expect(told).toEqual([]);
    slabs.forget(lost);
    slabs.forget(slabs.take(30 * MIB));
    await setImmediate();
    expect(told).toEqual([70 * MIB]);
  });

  test("have the threads collect what else they leave, now and then in a long use", async () => {
    const told: number[] = [];
    const slabs = createSlabs((sizeBytes) => told.push(sizeBytes));
    slabs.hold();
    for (let count = 0; count < 63; count++) useAtOnce(slabs, [16 * MIB]);
    await setImmediate();
    expect(told).toEqual([]);
    useAtOnce(slabs, [16 * MIB]);
    await setImmediate();
    expect(told).toHaveLength(1);
  });

  test("beyond what is kept go as they come, while others hold", async () => {
    const told: number[] = [];
    const slabs = createSlabs((sizeBytes) => told.push(sizeBytes));
    slabs.hold();
    useAtOnce(slabs, Array<number>(13).fill(16 * MIB));
    await setImmediate();
    expect(told).toEqual([48 * MIB]);
  });
});
