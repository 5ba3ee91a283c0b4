// The directory adapter: the port's suite, and what only a directory can suffer.

import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { boundStore } from "../../../host/vault/bounded-store.ts";
import { openDirectoryShardStore } from "../../../host/vault/directory-shard-store.ts";
import type { ShardStore } from "../../../host/vault/shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";
import { createFaultyShardStore } from "../../support/faulty-shard-store.ts";
import { createMemoryShardStore } from "../../support/memory-shard-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const root = await mkdtemp(join(tmpdir(), "shards-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let count = 0;

async function openFresh(): Promise<{ readonly store: ShardStore; readonly path: string }> {
  const path = join(root, `store-${count++}`, "deep");
  return { path, store: await openDirectoryShardStore({ name: "a", domain: "disk", path }) };
}

testShardStore("a directory", async () => (await openFresh()).store);
testShardStore("a store with a capacity", async () => boundStore(createMemoryShardStore("a"), () => 1_000_000));
testShardStore("memory", async () => createMemoryShardStore("a"));

describe("a directory of shards", () => {
  test("keeps its shards when it is opened again", async () => {
    const { store, path } = await openFresh();
    await store.put("aa", Uint8Array.of(7));
    const again = await openDirectoryShardStore({ name: "a", domain: "disk", path });
    expect(await again.get("aa")).toEqual(Uint8Array.of(7));
  });

  test("is empty when its folder is removed while it is open, and comes back with the next put", async () => {
    const { store, path } = await openFresh();
    await store.put("aa", Uint8Array.of(7));
    await rm(path, { recursive: true });
    expect(await store.get("aa")).toBeUndefined();
    expect(await store.stat("aa")).toBeUndefined();
    expect(await Array.fromAsync(store.list())).toEqual([]);
    await store.delete("aa");
    await store.put("bb", Uint8Array.of(8));
    expect(await store.get("bb")).toEqual(Uint8Array.of(8));
    expect(await store.get("aa")).toBeUndefined();
  });

  test("spreads shards over subfolders and lists nothing that is not a shard", async () => {
    const { store, path } = await openFresh();
    await store.put("ab-1", Uint8Array.of(1));
    await store.put("cd-1", Uint8Array.of(2));
    await writeFile(join(path, "README"), "not a shard");
    await writeFile(join(path, "s-ab", "notes.txt"), "not a shard");
    await mkdir(join(path, "lost+found"));
    expect((await readdir(path)).toSorted()).toEqual(["README", "lost+found", "s-ab", "s-cd"]);
    expect((await Array.fromAsync(store.list())).map(({ name }) => name).toSorted()).toEqual(["ab-1", "cd-1"]);
  });

  test("fails with a typed error when a file stands where its folder should be", async () => {
    const { store, path } = await openFresh();
    await rm(path, { recursive: true });
    await writeFile(path, "in the way");
    expect(await store.get("aa")).toBeUndefined();
    await expect(store.put("aa", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("fails with a typed error when a folder stands where a shard should be", async () => {
    const { store, path } = await openFresh();
    await mkdir(join(path, "s-aa", "aa.shard"), { recursive: true });
    await expect(store.put("aa", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    await expect(store.get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test.runIf(process.platform === "linux")("on a full disk is full, and keeps what it has", async () => {
    const { store, path } = await openFresh();
    await store.put("aa", Uint8Array.of(1));
    // Linux's own full disk: every write to it fails for want of room.
    await symlink("/dev/full", join(path, "s-aa", "aa-2.shard"));
    await expect(store.put("aa-2", new Uint8Array(100))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(await store.get("aa")).toEqual(Uint8Array.of(1));
    await store.delete("aa-2");
    await store.put("aa-2", Uint8Array.of(2));
  });
});

describe("a large shard that begins at a page", () => {
  const kinds = ["shared", "own"] as const;
  const mapped = (kind: (typeof kinds)[number], size: number): Uint8Array => {
    const options = { maxByteLength: size };
    return new Uint8Array(kind === "shared" ? new SharedArrayBuffer(size, options) : new ArrayBuffer(size, options));
  };

  test("is what was put, whatever its size, and nothing of what lies behind it in memory", async () => {
    const { store, path } = await openFresh();
    for (const kind of kinds) {
      for (const size of [262_143, 262_144, 262_145, 300_000, 1_052_672]) {
        const room = mapped(kind, 2_000_000);
        const data = room.subarray(4_096, 4_096 + size);
        room.fill(0xee);
        data.set(seededBytes(size, size));
        await store.put("aa", data);
        room.fill(7);
        expect(Buffer.compare(await readFile(join(path, "s-aa", "aa.shard")), seededBytes(size, size))).toBe(0);
        expect(Buffer.compare((await store.get("aa"))!, seededBytes(size, size))).toBe(0);
      }
    }
  });

  test("takes the place of a longer and of a shorter one", async () => {
    const { store } = await openFresh();
    for (const size of [900_001, 300_001, 700_000, 10, 262_144]) {
      const data = mapped("shared", 1_000_000).subarray(0, size);
      data.set(seededBytes(size, size));
      await store.put("aa", data);
      expect(Buffer.compare((await store.get("aa"))!, seededBytes(size, size))).toBe(0);
    }
  });

  test("comes into a folder that was removed meanwhile", async () => {
    const { store, path } = await openFresh();
    await rm(path, { recursive: true });
    await store.put("aa", mapped("shared", 300_000).fill(5));
    expect(Buffer.compare((await store.get("aa"))!, new Uint8Array(300_000).fill(5))).toBe(0);
  });

  test.runIf(process.platform === "linux")(
    "goes another way where the system does not take it directly, and says when that is full",
    async () => {
      const { store, path } = await openFresh();
      await store.put("aa-1", mapped("shared", 300_000).fill(1));
      // A device that has no direct way, and no room either.
      await symlink("/dev/full", join(path, "s-aa", "aa-2.shard"));
      await expect(store.put("aa-2", mapped("shared", 300_000))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
      await store.delete("aa-2");
      await store.put("aa-2", mapped("shared", 300_001).fill(2));
      expect(Buffer.compare((await store.get("aa-1"))!, new Uint8Array(300_000).fill(1))).toBe(0);
      expect(Buffer.compare((await store.get("aa-2"))!, new Uint8Array(300_001).fill(2))).toBe(0);
    },
  );
});

describe("a store with a capacity", () => {
  test("counts what it has, also over a restart, and takes what was freed", async () => {
    const inner = createMemoryShardStore("a");
    await inner.put("old", new Uint8Array(400));
    let capacityBytes = 1_000;
    const store = boundStore(inner, () => capacityBytes);
    await store.put("a", new Uint8Array(600));
    await expect(store.put("b", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    await store.put("a", new Uint8Array(500));
    await store.delete("old");
    await store.put("b", new Uint8Array(500));
    expect(await store.usedBytes()).toBe(1_000);
    capacityBytes = 500;
    await expect(store.put("c", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    await store.put("a", new Uint8Array(0));
    expect(
      [...(await boundStore(inner, () => 0).sizes())].toSorted(([left], [right]) => (left < right ? -1 : 1)),
    ).toEqual([
      ["a", 0],
      ["b", 500],
    ]);
  });

  test("gives the room of a put that failed back", async () => {
    const inner = createFaultyShardStore("a");
    const store = boundStore(inner, () => 100);
    inner.fault = "failing";
    await expect(store.put("a", new Uint8Array(100))).rejects.toThrow("fire");
    inner.fault = "none";
    await store.put("b", new Uint8Array(100));
    await expect(Promise.all([store.delete("b"), store.put("c", new Uint8Array(1))])).rejects.toMatchObject({
      code: "TWIN_STORE_FULL",
    });
    expect(await store.usedBytes()).toBe(0);
  });
});
