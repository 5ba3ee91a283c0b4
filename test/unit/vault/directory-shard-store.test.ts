// The directory adapter: the port's suite, and what only a directory can suffer.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDirectoryShardStore } from "../../../host/vault/directory-shard-store.ts";
import type { ShardStore } from "../../../host/vault/shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";
import { createMemoryShardStore } from "../../support/memory-shard-store.ts";

const root = await mkdtemp(join(tmpdir(), "shards-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let count = 0;

async function openFresh(): Promise<{ readonly store: ShardStore; readonly path: string }> {
  const path = join(root, `store-${count++}`, "deep");
  return { path, store: await openDirectoryShardStore({ name: "a", domain: "disk", path }) };
}

testShardStore("a directory", async () => (await openFresh()).store);
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
});
