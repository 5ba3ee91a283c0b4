// The vault as its callers see it: puts, reads, ranges, the same content twice, and what never happens.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { concatBytes, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { base58Encode } from "../../../host/identity/base58.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { inPieces, openTestVault, putBytes, readBytes, type TestVault, testStores } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;

function storedBytes({ stores }: TestVault): number {
  return stores.reduce(
    (sum, { inner }) => sum + [...inner.shards.values()].reduce((size, { length }) => size + length, 0),
    0,
  );
}

function shardNames({ stores }: TestVault): string[] {
  return stores.flatMap(({ inner }) => [...inner.shards.keys()].filter((name) => !name.startsWith("mark-")));
}

/** A source that breaks in its second segment. */
async function* broken() {
  yield seededBytes(4, 20 * MIB);
  throw new Error("cable pulled");
}

/** A source without an end and without a pause. */
async function* endless() {
  for (;;) yield new Uint8Array(1_000);
}

describe("a vault", () => {
  test.each([0, 1, 15, 65_535, 65_536, 65_537, 131_072, 262_144, 300_000, 3 * MIB + 17])(
    "gives %i bytes back as they were put, and says what it knows of them",
    async (size) => {
      const { vault } = await openTestVault();
      const bytes = seededBytes(size + 1, size);
      const info = await putBytes(vault, bytes, { type: "image/png", name: "a.png" }, 50_001);
      expect(info).toEqual({ id: info.id, sizeBytes: size, type: "image/png", name: "a.png", durability: "dispersed" });
      expect(Buffer.compare(await readBytes(vault, info.id), bytes)).toBe(0);
      expect(await vault.stat(info.id)).toEqual(info);
    },
  );

  test("gives 36 MiB back over several segments, and counts them", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(5, 36 * MIB);
    const steps: number[] = [];
    const info = await opened.vault.put(inPieces(bytes, 3 * MIB), {}, { onProgress: (done) => steps.push(done) });
    expect(Buffer.compare(await readBytes(opened.vault, info.id), bytes)).toBe(0);
    const status = await opened.vault.status();
    expect(status.segmentCount).toBeGreaterThanOrEqual(3);
    expect(status).toMatchObject({ objectCount: 1, sizeBytes: bytes.length, margin: 2, degradedSegments: 0 });
    expect(status.stores.every(({ healthy, shardCount }) => healthy && shardCount === status.segmentCount)).toBe(true);
    expect(steps.at(-1)).toBe(bytes.length);
    expect(steps.toSorted((a, b) => a - b)).toEqual(steps);
    // 1.5 for the code; the rest is tags, tables, headers and padding.
    expect(storedBytes(opened) / bytes.length).toBeLessThan(1.51);
  });

  test("reads any range as a slice would", async () => {
    const { vault } = await openTestVault();
    const bytes = seededBytes(9, 5 * MIB + 321);
    const { id } = await putBytes(vault, bytes);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(300_000), async (offset, most) => {
        const sizeBytes = Math.min(most, bytes.length - offset);
        const got = await readBytes(vault, id, { offset, sizeBytes });
        expect(Buffer.compare(got, bytes.subarray(offset, offset + sizeBytes))).toBe(0);
      }),
      { numRuns: 60 },
    );
    expect(await readBytes(vault, id, { offset: bytes.length })).toHaveLength(0);
    expect(await readBytes(vault, id, { offset: bytes.length - 5 })).toEqual(bytes.subarray(-5));
  });

  test("touches only the frames that a range needs", async () => {
    const { vault, stores } = await openTestVault();
    const { id } = await putBytes(vault, seededBytes(2, 4 * MIB));
    let fetched = 0;
    for (const store of stores) {
      const get = store.get.bind(store);
      store.get = async (name, range) => {
        const bytes = await get(name, range);
        fetched += bytes?.length ?? 0;
        return bytes;
      };
    }
    await readBytes(vault, id, { offset: 2 * MIB, sizeBytes: 100 });
    // One or two frames, and the manifest.
    expect(fetched).toBeLessThan(3 * 65_552);
  });

  test.each([
    [{ offset: 11 }],
    [{ offset: -1 }],
    [{ offset: 0.5 }],
    [{ offset: Number.NaN }],
    [{ offset: 5, sizeBytes: 6 }],
    [{ sizeBytes: -1 }],
    [{ sizeBytes: Number.POSITIVE_INFINITY }],
  ])("refuses the range %j of ten bytes", async (range) => {
    const { vault } = await openTestVault();
    const { id } = await putBytes(vault, seededBytes(1, 10));
    await expect(readBytes(vault, id, range)).rejects.toMatchObject({ code: "TWIN_OBJECT_RANGE" });
  });

  test.each(["", "unknown", "0OIl", "1".repeat(32), "1".repeat(65), "z".repeat(44), "../../etc/passwd"])(
    "knows no object %j",
    async (id) => {
      const { vault } = await openTestVault();
      expect(await vault.stat(id)).toBeUndefined();
      await expect(readBytes(vault, id)).rejects.toMatchObject({ code: "TWIN_OBJECT_UNKNOWN" });
    },
  );

  test("does not take the id of an inner block for an object", async () => {
    const { vault, index } = await openTestVault();
    const { id } = await putBytes(vault, utf8Encode("content"));
    const blocks = index.scan({ namespace: "$vault.block", start: Uint8Array.of(0), limit: 10 });
    const others = blocks.map(({ key }) => base58Encode(key)).filter((other) => other !== id);
    expect(others).toHaveLength(1);
    await expect(readBytes(vault, others[0]!)).rejects.toMatchObject({ code: "TWIN_OBJECT_UNKNOWN" });
  });

  test("refuses names and types that are too long, before it reads the source", async () => {
    const { vault } = await openTestVault();
    const source = {
      [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
        throw new Error("was read");
      },
    };
    const name = "ä".repeat(LIMITS.vault.objectNameSizeBytes / 2 + 1);
    await expect(vault.put(source, { name })).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    await expect(vault.put(source, { type: "x".repeat(256) })).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
  });

  test("gives objects of one content and different names different ids, and stores the content once", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(3, 2 * MIB);
    const one = await putBytes(opened.vault, bytes, { name: "one" });
    const before = storedBytes(opened);
    const two = await putBytes(opened.vault, bytes, { name: "two" });
    expect(two.id).not.toBe(one.id);
    expect(storedBytes(opened) - before).toBeLessThan(64 * 1024);
    expect(Buffer.compare(await readBytes(opened.vault, two.id), bytes)).toBe(0);
  });

  test("writes nothing when the same object is put again, and keeps one of it", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(3, MIB);
    const one = await putBytes(opened.vault, bytes);
    const names = shardNames(opened);
    expect(await putBytes(opened.vault, bytes, {}, 777)).toEqual(one);
    expect(shardNames(opened)).toEqual(names);
    expect((await opened.vault.status()).objectCount).toBe(1);
  });

  test("stores repeated content within one object once", async () => {
    const opened = await openTestVault();
    await putBytes(opened.vault, new Uint8Array(32 * MIB));
    expect(storedBytes(opened)).toBeLessThan(8 * MIB);
  });

  test("does not count on content whose segment is degraded: it is stored anew", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(8, 300_000);
    const first = await putBytes(opened.vault, bytes);
    for (const store of opened.stores.slice(0, 3)) store.inner.shards.clear();
    await expect(readBytes(opened.vault, first.id)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
    const again = await putBytes(opened.vault, bytes);
    expect(again.id).toBe(first.id);
    expect(await readBytes(opened.vault, first.id)).toEqual(bytes);
  });

  test("takes many puts and reads at once, some of the same content", async () => {
    const opened = await openTestVault();
    const contents = Array.from({ length: 24 }, (_, index) => seededBytes((index % 8) + 1, 200_000 + (index % 8)));
    const infos = await Promise.all(contents.map((bytes) => putBytes(opened.vault, bytes)));
    expect(new Set(infos.map(({ id }) => id)).size).toBe(8);
    const got = await Promise.all(infos.map(({ id }) => readBytes(opened.vault, id)));
    for (const [index, bytes] of got.entries()) expect(Buffer.compare(bytes, contents[index]!)).toBe(0);
    const { objectCount, segmentCount } = await opened.vault.status();
    expect(objectCount).toBe(8);
    // The needless segments of the losers are gone again.
    expect(shardNames(opened)).toHaveLength(segmentCount * 6);
  });

  test("leaves no object and no shard when the source fails in the middle", async () => {
    const opened = await openTestVault();
    await expect(opened.vault.put(broken())).rejects.toThrow("cable pulled");
    expect(shardNames(opened)).toEqual([]);
    expect(await opened.vault.status()).toMatchObject({ objectCount: 0, segmentCount: 0 });
  });

  test("ends a put at once when it is aborted, also while the source is silent", async () => {
    const opened = await openTestVault();
    const abort = new AbortController();
    async function* silent() {
      yield seededBytes(4, 20 * MIB);
      abort.abort();
      await new Promise<never>(() => {});
    }
    const put = opened.vault.put(silent(), {}, { signal: abort.signal });
    await expect(put).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(shardNames(opened)).toEqual([]);
    const late = opened.vault.put(inPieces(seededBytes(1, 10), 10), {}, { signal: abort.signal });
    await expect(late).rejects.toMatchObject({ code: "TWIN_ABORTED" });
  });

  test("pulls from a source no faster than it stores, in bounded memory", async () => {
    const opened = await openTestVault();
    let taken = 0;
    let ahead = 0;
    const landed = (): number => Math.max(0, ...opened.stores.map(({ inner }) => inner.shards.size - 1)) * 16 * MIB;
    async function* counting() {
      for (let piece = 0; piece < 64; piece++) {
        yield seededBytes(piece + 1, MIB);
        taken += MIB;
        ahead = Math.max(ahead, taken - landed());
        // Stores are in memory: give them the turns that disks would take.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await opened.vault.put(counting());
    const { segmentsInFlight, segmentSizeBytes } = LIMITS.vault;
    expect(ahead).toBeLessThanOrEqual((segmentsInFlight + 1) * segmentSizeBytes + 8 * MIB);
  });

  test("stops reading when the consumer does or the signal aborts", async () => {
    const { vault } = await openTestVault();
    const { id } = await putBytes(vault, seededBytes(6, 8 * MIB));
    const abort = new AbortController();
    let pieces = 0;
    const reading = (async () => {
      for await (const _ of vault.read(id, {}, { signal: abort.signal })) {
        pieces++;
        abort.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(pieces).toBe(1);
    for await (const piece of vault.read(id)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
  });

  test("never lets a store see the plaintext, the name or two equal ciphertexts", async () => {
    const opened = await openTestVault();
    const marker = "the quick brown secret";
    // Compressed, and yet longer than what is looked at.
    const bytes = concatBytes(utf8Encode(marker.repeat(4_000)), seededBytes(8, 40_000));
    await putBytes(opened.vault, bytes, { name: "diary-of-anna.txt", type: "text/x-secret" });
    const other = await openTestVault({ seed: "another seed" });
    await putBytes(other.vault, bytes, { name: "diary-of-anna.txt", type: "text/x-secret" });
    const seen = opened.stores.map(({ inner }) => Buffer.concat([...inner.shards.values()]));
    for (const store of seen) {
      for (const secret of [marker, "secret", "diary", "anna", "text/x"]) expect(store.includes(secret)).toBe(false);
    }
    const ciphertext = seen[0]!.subarray(1_000, 1_064);
    expect(other.stores.some(({ inner }) => Buffer.concat([...inner.shards.values()]).includes(ciphertext))).toBe(
      false,
    );
  });

  test("ends what is at work when it is disposed, and takes nothing after", async () => {
    const opened = await openTestVault({ clock: systemClock });
    const put = opened.vault.put(endless());
    put.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    await opened.vault[Symbol.asyncDispose]();
    await expect(put).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    await expect(putBytes(opened.vault, new Uint8Array(1))).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    await expect(readBytes(opened.vault, "x")).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(shardNames(opened)).toEqual([]);
  });

  test("finds everything again when it is opened over the same index and stores", async () => {
    const first = await openTestVault();
    const bytes = seededBytes(8, 400_000);
    const info = await putBytes(first.vault, bytes, { name: "kept" });
    await first.vault[Symbol.asyncDispose]();
    const second = await openTestVault({ index: first.index, stores: first.stores, seed: "later" });
    expect(await second.vault.stat(info.id)).toEqual(info);
    expect(await readBytes(second.vault, info.id)).toEqual(bytes);
    expect(await second.vault.status()).toMatchObject({
      objectCount: 1,
      segmentCount: 1,
      sizeBytes: 400_000,
      margin: 2,
    });
  });

  test("cannot be read with another key", async () => {
    const first = await openTestVault();
    const info = await putBytes(first.vault, utf8Encode("mine"));
    const thief = await openTestVault({ index: first.index, stores: first.stores, key: new Uint8Array(32).fill(8) });
    await expect(readBytes(thief.vault, info.id)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
    const stranger = await openTestVault({ stores: first.stores, key: new Uint8Array(32).fill(8) });
    expect(await stranger.vault.stat(info.id)).toBeUndefined();
  });

  test.each([
    [{ dataShards: 0, parityShards: 2 }],
    [{ dataShards: 4, parityShards: 0 }],
    [{ dataShards: 4, parityShards: 3 }],
    [{ dataShards: 200, parityShards: 56 }],
    [{ dataShards: 1.5, parityShards: 2 }],
    [{ dataShards: 4, parityShards: 2, happiness: 3 }],
  ])("refuses the code %j over six stores", async (code) => {
    await expect(openTestVault({ code })).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  });

  test("refuses two stores of one name", async () => {
    const stores = [...testStores(6), ...testStores(1)];
    await expect(openTestVault({ stores })).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  });

  test.each([
    [1, 1],
    [2, 1],
    [10, 4],
    [16, 4],
  ])("works as %i + %i", async (dataShards, parityShards) => {
    const stores = testStores(dataShards + parityShards);
    const { vault } = await openTestVault({ stores, code: { dataShards, parityShards } });
    const bytes = seededBytes(2, 700_001);
    const { id } = await putBytes(vault, bytes);
    for (const store of stores.slice(0, parityShards)) store.fault = "gone";
    expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
    expect((await vault.status()).margin).toBe(0);
  });

  test("leaves no row of an object behind when its commit fails", async () => {
    const index = createMemoryStateStore();
    const opened = await openTestVault({ index: { ...index, commit: () => Promise.reject(new Error("disk full")) } });
    await expect(putBytes(opened.vault, utf8Encode("x"))).rejects.toThrow("disk full");
    expect(shardNames(opened)).toEqual([]);
    expect((await opened.vault.status()).objectCount).toBe(0);
  });
});
