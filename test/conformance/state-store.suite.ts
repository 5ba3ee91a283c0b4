// What every state store does. Each adapter runs it.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../host/base/bytes.ts";
import { LIMITS } from "../../host/base/limits.ts";
import type { StateRange, StateStore, StateWrite } from "../../host/state/state-store.ts";
import { createMemoryStateStore } from "../support/memory-state-store.ts";
import { textWrite } from "../support/state-rows.ts";

/** Runs the suite against the empty stores that `open` gives. */
export function testStateStore(name: string, open: () => Promise<StateStore>): void {
  describe(`${name} as a state store`, () => {
    test("reads back what was committed, and undefined for what was not", async () => {
      await using store = await open();
      await store.commit([textWrite("a", "one", "1"), textWrite("b", "one", "other"), textWrite("a", "empty", "")]);
      expect(read(store, "a", "one")).toBe("1");
      expect(read(store, "b", "one")).toBe("other");
      expect(read(store, "a", "empty")).toBe("");
      expect(read(store, "a", "two")).toBeUndefined();
      expect(read(store, "c", "one")).toBeUndefined();
    });

    test("lets the last of two writes of one key win", async () => {
      await using store = await open();
      await store.commit([textWrite("a", "k", "1"), textWrite("a", "k", "2"), textWrite("a", "gone", "x")]);
      await store.commit([textWrite("a", "gone"), textWrite("a", "never")]);
      expect(read(store, "a", "k")).toBe("2");
      expect(keys(store, {})).toEqual(["k"]);
    });

    test("shows a commit to reads before it is durable, and gives each caller its own bytes", async () => {
      await using store = await open();
      const value = utf8Encode("mine");
      const durable = store.commit([{ namespace: "a", key: utf8Encode("k"), value }]);
      value.fill(0);
      expect(read(store, "a", "k")).toBe("mine");
      await durable;
      store.get({ namespace: "a", key: utf8Encode("k") })!.fill(0);
      expect(read(store, "a", "k")).toBe("mine");
    });

    test("scans in byte order from start to before end, both ways, up to the limit", async () => {
      await using store = await open();
      await store.commit(["b", "a", "c", "aa", "d"].map((key) => textWrite("a", key, key)));
      await store.commit([textWrite("b", "bb", "x")]);
      expect(keys(store, {})).toEqual(["a", "aa", "b", "c", "d"]);
      expect(keys(store, { start: utf8Encode("aa"), end: utf8Encode("c") })).toEqual(["aa", "b"]);
      expect(keys(store, { reverse: true, limit: 2 })).toEqual(["d", "c"]);
      expect(keys(store, { end: utf8Encode("c"), reverse: true })).toEqual(["b", "aa", "a"]);
      expect(keys(store, { start: utf8Encode("c"), end: utf8Encode("a") })).toEqual([]);
      expect(keys(store, { limit: 0 })).toEqual([]);
    });

    test("orders keys as unsigned bytes", async () => {
      await using store = await open();
      const raw = [[255], [127], [128], [0], [0, 0], [1, 255]].map((bytes) => Uint8Array.from(bytes));
      await store.commit(raw.map((key) => ({ namespace: "a", key, value: key })));
      const found = store.scan({ namespace: "a", start: new Uint8Array(), limit: 10 });
      expect(found.map((entry) => [...entry.key])).toEqual([[0], [0, 0], [1, 255], [127], [128], [255]]);
    });

    test("refuses keys and namespaces out of bounds, and then writes nothing", async () => {
      await using store = await open();
      const key = new Uint8Array(LIMITS.state.keySizeBytes + 1);
      const commit = async (write: StateWrite): Promise<void> => store.commit([textWrite("a", "fine", "1"), write]);
      await expect(commit({ namespace: "a", key, value: key })).rejects.toThrow(RangeError);
      await expect(commit(textWrite("a", "", "x"))).rejects.toThrow(RangeError);
      await expect(commit(textWrite("", "k", "x"))).rejects.toThrow(RangeError);
      await expect(commit(textWrite("n".repeat(LIMITS.state.namespaceLength + 1), "k", "x"))).rejects.toThrow(
        RangeError,
      );
      expect(keys(store, {})).toEqual([]);
      await store.commit([{ namespace: "a", key: key.subarray(1), value: key }]);
      expect(store.sizeBytes("a")).toBe(2 * LIMITS.state.keySizeBytes + 1);
    });

    test("behaves as the model for any commits", async () => {
      const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 });
      const write = fc.record({
        namespace: fc.constantFrom("a", "b"),
        key,
        value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
      });
      const range = fc.record({
        namespace: fc.constantFrom("a", "b"),
        start: fc.uint8Array({ maxLength: 2, max: 3 }),
        end: fc.option(key, { nil: undefined }),
        limit: fc.nat(6),
        reverse: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 6 }),
          range,
          async (commits, range) => {
            await using store = await open();
            const model = createMemoryStateStore();
            const durable: Promise<void>[] = [];
            for (const writes of commits) {
              durable.push(store.commit(writes));
              await model.commit(writes);
            }
            await Promise.all(durable);
            expect(store.scan(range)).toEqual(model.scan(range));
            for (const namespace of ["a", "b"]) expect(store.sizeBytes(namespace)).toBe(model.sizeBytes(namespace));
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}

function read(store: StateStore, namespace: string, key: string): string | undefined {
  const value = store.get({ namespace, key: utf8Encode(key) });
  return value === undefined ? undefined : utf8Decode(value);
}

function keys(store: StateStore, range: Partial<StateRange>): string[] {
  const entries = store.scan({ namespace: "a", start: new Uint8Array(), limit: 100, ...range });
  return entries.map((entry) => utf8Decode(entry.key));
}
