// What the index remembers of its rows is never older than they are.

import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { createRecordCache, type RecordCache } from "../../../host/vault/record-cache.ts";

describe("a cache of records", () => {
  let rows: Map<string, string>;
  let reads: string[];
  let cache: RecordCache<string>;
  beforeEach(() => {
    rows = new Map([["a", "first"]]);
    reads = [];
    cache = createRecordCache((name) => {
      reads.push(name);
      return rows.get(name);
    });
  });

  test("reads a record once, and what is not there each time", () => {
    expect([cache.get("a"), cache.get("a"), cache.get("b"), cache.get("b")]).toEqual([
      "first",
      "first",
      undefined,
      undefined,
    ]);
    expect(reads).toEqual(["a", "b", "b"]);
  });

  test("shows a change at once, and keeps nothing of one that was taken back", async () => {
    expect(cache.get("a")).toBe("first");
    const { promise, reject } = Promise.withResolvers<void>();
    const change = cache.during(() => {
      rows.set("a", "second");
      return promise;
    });
    expect(cache.get("a")).toBe("second");
    rows.set("a", "first");
    reject(new Error("the disk is full"));
    expect(cache.get("a")).toBe("first");
    await expect(change).rejects.toThrow("the disk is full");
    expect(cache.get("a")).toBe("first");
  });

  test("keeps nothing while one of two changes is still made", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = cache.during(() => promise);
    await cache.during(async () => {});
    cache.get("a");
    rows.set("a", "second");
    expect(cache.get("a")).toBe("second");
    resolve();
    await slow;
    cache.get("a");
    cache.get("a");
    expect(reads).toHaveLength(3);
  });

  test("forgets the record that it has had for longest", () => {
    for (let at = 0; at <= LIMITS.vault.recordsKept; at++) rows.set(`${at}`, "x");
    for (let at = 0; at <= LIMITS.vault.recordsKept; at++) cache.get(`${at}`);
    reads.length = 0;
    cache.get("1");
    cache.get("0");
    expect(reads).toEqual(["0"]);
  });
});
