// What every shard store does. Each adapter runs it.

import { describe, expect, test } from "vitest";
import type { ShardStat, ShardStore } from "../../host/vault/shard-store.ts";

/** Runs the suite against the empty stores that `open` gives. */
export function testShardStore(name: string, open: () => Promise<ShardStore>): void {
  describe(`${name} as a shard store`, () => {
    test("gives back what was put, whole and by range, and undefined for what was not", async () => {
      const store = await open();
      const data = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);
      await store.put("aa-1", data);
      expect(await store.get("aa-1")).toEqual(data);
      expect(await store.get("aa-1", { offset: 10 })).toEqual(data.subarray(10));
      expect(await store.get("aa-1", { sizeBytes: 7 })).toEqual(data.subarray(0, 7));
      expect(await store.get("aa-1", { offset: 990, sizeBytes: 3 })).toEqual(data.subarray(990, 993));
      expect(await store.get("aa-2")).toBeUndefined();
    });

    test("takes bytes from memory that threads share, and is done with it when it has answered", async () => {
      const store = await open();
      const data = new Uint8Array(new SharedArrayBuffer(200_000)).map((_, index) => index % 251);
      const sent = new Uint8Array(new SharedArrayBuffer(300_000));
      sent.set(data, 50_000);
      await store.put("aa-1", sent.subarray(50_000, 250_000));
      sent.fill(7);
      expect(Buffer.compare((await store.get("aa-1"))!, data)).toBe(0);
    });

    test("reads into the room that it is given, if it is enough, or answers elsewhere", async () => {
      const store = await open();
      const data = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);
      await store.put("aa-1", data);
      for (const [offset, sizeBytes, size] of [
        [0, 1_000, 1_000],
        [10, 20, 64],
        [990, 20, 20],
        [10, 20, 19],
      ] as const) {
        const into = new Uint8Array(new SharedArrayBuffer(size)).fill(255);
        const got = await store.get("aa-1", { offset, sizeBytes, into });
        expect(got?.slice()).toEqual(data.slice(offset, offset + sizeBytes));
        if (got?.buffer === into.buffer) expect(into.subarray(got.length).every((byte) => byte === 255)).toBe(true);
      }
      expect(await store.get("aa-2", { offset: 0, sizeBytes: 9, into: new Uint8Array(9) })).toBeUndefined();
    });

    test("answers a range beyond the end with what there is", async () => {
      const store = await open();
      await store.put("aa", Uint8Array.of(1, 2, 3));
      expect(await store.get("aa", { offset: 2, sizeBytes: 10 })).toEqual(Uint8Array.of(3));
      expect(await store.get("aa", { offset: 9, sizeBytes: 10 })).toEqual(new Uint8Array(0));
    });

    test("replaces what it has, also by something shorter", async () => {
      const store = await open();
      await store.put("aa", new Uint8Array(100).fill(1));
      await store.put("aa", Uint8Array.of(2, 2));
      await store.put("aa", Uint8Array.of(2, 2));
      expect(await store.get("aa")).toEqual(Uint8Array.of(2, 2));
      expect(await store.stat("aa")).toEqual({ name: "aa", sizeBytes: 2 });
    });

    test("keeps an empty shard apart from an absent one", async () => {
      const store = await open();
      await store.put("aa", new Uint8Array(0));
      expect(await store.get("aa")).toEqual(new Uint8Array(0));
      expect(await store.stat("aa")).toEqual({ name: "aa", sizeBytes: 0 });
      expect(await store.stat("bb")).toBeUndefined();
    });

    test("leaves the caller's buffer alone, and its own bytes when the caller changes it later", async () => {
      const store = await open();
      const data = Uint8Array.of(1, 2, 3);
      await store.put("aa", data);
      expect(data).toEqual(Uint8Array.of(1, 2, 3));
      data.fill(9);
      const got = await store.get("aa");
      expect(got).toEqual(Uint8Array.of(1, 2, 3));
      got?.fill(8);
      expect(await store.get("aa")).toEqual(Uint8Array.of(1, 2, 3));
    });

    test("deletes, and takes a second delete calmly", async () => {
      const store = await open();
      await store.put("aa", Uint8Array.of(1));
      await store.delete("aa");
      await store.delete("aa");
      expect(await store.get("aa")).toBeUndefined();
      expect(await listAll(store)).toEqual([]);
    });

    test("lists every name once with its size", async () => {
      const store = await open();
      const names = ["a", "b", "c", "d", "e", "f", "g", "h"].map((letter, index) => ({
        name: `${letter}${letter}.x-${index}`,
        sizeBytes: index,
      }));
      for (const { name, sizeBytes } of names) await store.put(name, new Uint8Array(sizeBytes));
      expect((await listAll(store)).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual(names);
    });

    test("takes every legal name, also those that mean something to a file system", async () => {
      const store = await open();
      for (const name of [".", "..", "...", "-", "a", "con", "nul.", "s-..", "x".repeat(128)]) {
        await store.put(name, Uint8Array.of(name.length));
        expect(await store.get(name)).toEqual(Uint8Array.of(name.length));
      }
      expect(await listAll(store)).toHaveLength(9);
    });

    test("refuses names that are not legal, and is not led out of its place by them", async () => {
      const store = await open();
      for (const name of ["", "A", "a/b", "../a", "a\\b", "a\0", "ä", "a b", "x".repeat(129)]) {
        await expect((async () => store.put(name, Uint8Array.of(1)))()).rejects.toThrow(RangeError);
        await expect((async () => store.get(name))()).rejects.toThrow(RangeError);
      }
      expect(await listAll(store)).toEqual([]);
    });

    test("takes many puts and gets at once", async () => {
      const store = await open();
      const names = Array.from({ length: 40 }, (_, index) => `${index % 7}-${index}`);
      await Promise.all(names.map((name, index) => store.put(name, new Uint8Array(5_000).fill(index))));
      const got = await Promise.all(names.map((name) => store.get(name, { offset: 4_999 })));
      expect(got.map((bytes) => bytes?.[0])).toEqual(names.map((_, index) => index));
    });
  });
}

async function listAll(store: ShardStore): Promise<ShardStat[]> {
  return Array.fromAsync(store.list());
}
