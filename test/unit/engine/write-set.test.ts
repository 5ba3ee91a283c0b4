import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { WriteSet } from "../../../host/engine/write-set.ts";
import type { StateStore } from "../../../host/state/state-store.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";

const at = (key: string): { namespace: string; key: Uint8Array } => ({ namespace: "a", key: utf8Encode(key) });
const all = { namespace: "a", start: new Uint8Array(), limit: 1_000 };
const full = expect.objectContaining({ code: "TWIN_STATE_FULL" });
const tooMuch = expect.objectContaining({ code: "TWIN_LIMIT_EXCEEDED" });

/** A store whose namespaces claim to hold `sizeBytes` already. */
function almostFull(store: StateStore, sizeBytes: number): StateStore {
  return { ...store, sizeBytes: () => sizeBytes };
}

function putIfRoom(writes: WriteSet, key: string, size: number): void {
  try {
    writes.put(at(key), new Uint8Array(size));
  } catch (error) {
    if (!(error instanceof TwinError) || error.code !== "TWIN_STATE_FULL") throw error;
  }
}

describe("a write set", () => {
  test("reads and scans as the store will after its commit, and as the store alone before any write", async () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 });
    const value = fc.uint8Array({ maxLength: 3 });
    const change = fc.record({ key, value: fc.option(value, { nil: undefined }) });
    const range = fc.record({
      start: fc.uint8Array({ maxLength: 2, max: 3 }),
      end: fc.option(key, { nil: undefined }),
      limit: fc.nat(12),
      reverse: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key, value }), { maxLength: 12 }),
        fc.array(change, { maxLength: 12 }),
        range,
        async (committed, changes, range) => {
          const store = createMemoryStateStore();
          await store.commit(committed.map((row) => ({ namespace: "a", ...row })));
          const writes = new WriteSet(store);
          const existed: boolean[] = [];
          const model = createMemoryStateStore();
          await model.commit(committed.map((row) => ({ namespace: "a", ...row })));
          for (const { key, value } of changes) {
            const before = model.get({ namespace: "a", key });
            if (value === undefined) existed.push(writes.delete({ namespace: "a", key }) === (before !== undefined));
            else writes.put({ namespace: "a", key }, value);
            await model.commit([{ namespace: "a", key, value }]);
          }
          expect(existed.every(Boolean)).toBe(true);
          expect(writes.scan({ namespace: "a", ...range }, () => {})).toEqual(model.scan({ namespace: "a", ...range }));
          await store.commit(writes.writes());
          expect(store.scan(all)).toEqual(model.scan(all));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("scans past any number of deleted entries, page by page, both ways", async () => {
    const store = createMemoryStateStore();
    const keys = Array.from({ length: 300 }, (_, index) => `key ${String(index).padStart(3, "0")}`);
    await store.commit(keys.map((key) => ({ ...at(key), value: utf8Encode(key) })));
    const writes = new WriteSet(store);
    for (const key of keys.slice(1, -1)) writes.delete(at(key));
    let examined = 0;
    const found = writes.scan({ ...all, limit: 2 }, () => examined++);
    expect(found.map((entry) => new TextDecoder().decode(entry.key))).toEqual([keys[0], keys[299]]);
    expect(examined).toBe(300);
    expect(writes.scan({ ...all, limit: 2, reverse: true }, () => {})).toEqual(found.toReversed());
    expect(writes.scan({ ...all, limit: 0 }, () => {})).toEqual([]);
  });

  test("keeps a namespace within its quota, whatever is overwritten and deleted", async () => {
    const store = createMemoryStateStore();
    await store.commit([{ ...at("k"), value: new Uint8Array(60) }]);
    const writes = new WriteSet(almostFull(store, LIMITS.state.capabilitySizeBytes - 50));
    writes.put(at("l"), new Uint8Array(40));
    expect(() => writes.put(at("m"), new Uint8Array(20))).toThrow(full);
    writes.put(at("k"), new Uint8Array(50));
    writes.put(at("l"), new Uint8Array(45));
    expect(() => writes.put(at("m"), new Uint8Array(20))).toThrow(full);
    writes.delete(at("k"));
    writes.put(at("m"), new Uint8Array(20));
    writes.put(at("n"), new Uint8Array(40));
    expect(() => writes.put(at("o"), new Uint8Array(10))).toThrow(full);
  });

  test("never counts less than what it holds: the store's size after the commit is within the quota", async () => {
    const change = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      size: fc.option(fc.nat(30), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 20 }), fc.nat(60), async (changes, room) => {
        const store = createMemoryStateStore();
        await store.commit([{ ...at("a"), value: new Uint8Array(10) }]);
        const base = LIMITS.state.capabilitySizeBytes - room;
        const writes = new WriteSet(almostFull(store, base));
        for (const { key, size } of changes) {
          if (size === undefined) writes.delete(at(key));
          else putIfRoom(writes, key, size);
        }
        const before = store.sizeBytes("a");
        await store.commit(writes.writes());
        expect(store.sizeBytes("a") - before).toBeLessThanOrEqual(Math.max(0, room));
      }),
    );
  });

  test("is bounded in bytes and in rows", () => {
    const bytes = new WriteSet(createMemoryStateStore());
    const value = new Uint8Array(LIMITS.state.valueSizeBytes);
    const fill = (): void => {
      for (let index = 0; index < 1_000; index++) bytes.put(at(`k${index}`), value);
    };
    expect(fill).toThrow(tooMuch);
    const rows = new WriteSet(createMemoryStateStore());
    const spread = (): void => {
      for (let index = 0; index <= LIMITS.state.writeSetCount; index++) {
        rows.put({ namespace: "a", key: Uint8Array.of(index >> 8, index & 0xff) }, new Uint8Array());
      }
    };
    expect(spread).toThrow(tooMuch);
  });

  test("brings no more than a scan may bring", async () => {
    const store = createMemoryStateStore();
    const value = new Uint8Array(LIMITS.state.valueSizeBytes);
    const count = LIMITS.state.scanSizeBytes / LIMITS.state.valueSizeBytes + 1;
    await store.commit(Array.from({ length: count }, (_, index) => ({ ...at(`k${index}`), value })));
    expect(() => new WriteSet(store).scan(all, () => {})).toThrow(tooMuch);
    expect(new WriteSet(store).scan({ ...all, limit: 3 }, () => {})).toHaveLength(3);
  });
});
