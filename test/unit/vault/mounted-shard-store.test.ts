// The adapter for directories on disks that come and go: the port's suite, and what happens while the disk is away.

import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openMountedShardStore } from "../../../host/vault/mounted-shard-store.ts";
import type { ShardStore } from "../../../host/vault/shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";

const root = await mkdtemp(join(tmpdir(), "mounted-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let count = 0;

const AWAY = { code: "TWIN_STORE_FAILED", message: expect.stringContaining("mount its disk") as string };
const openAt = (path: string): ShardStore => openMountedShardStore({ name: "usb", domain: "disk", path });

async function openClaimed(): Promise<{ readonly store: ShardStore; readonly path: string }> {
  const path = join(root, `disk-${count++}`, "twin");
  const store = openAt(path);
  await store.claim!();
  return { store, path };
}

testShardStore("a directory on a disk that comes and goes", async () => (await openClaimed()).store);

describe("a disk that comes and goes", () => {
  test.each(["an empty folder", "no folder"])(
    "fails whatever is asked while there is %s, and stays untouched",
    async (left) => {
      const { store, path } = await openClaimed();
      await store.put("aa", Uint8Array.of(7));
      await rename(path, `${path}-away`);
      if (left === "an empty folder") await mkdir(path);
      for (const each of [store, openAt(path)]) {
        await expect(each.put("bb", Uint8Array.of(8))).rejects.toMatchObject(AWAY);
        await expect(each.get("aa")).rejects.toMatchObject(AWAY);
        await expect(each.stat("aa")).rejects.toMatchObject(AWAY);
        await expect(each.delete("aa")).rejects.toMatchObject(AWAY);
        await expect(Array.fromAsync(each.list())).rejects.toMatchObject(AWAY);
      }
      expect(await readdir(path).catch(() => "no folder")).toEqual(left === "an empty folder" ? [] : left);
      await rm(path, { recursive: true, force: true });
      await rename(`${path}-away`, path);
      expect(await store.get("aa")).toEqual(Uint8Array.of(7));
      expect(await store.get("bb")).toBeUndefined();
    },
  );

  test("takes the folder as a new one when that is said, and stays what it was when it was there", async () => {
    const { store, path } = await openClaimed();
    await store.put("aa", Uint8Array.of(7));
    await store.claim!();
    expect(await store.get("aa")).toEqual(Uint8Array.of(7));
    await rm(path, { recursive: true });
    await store.claim!();
    expect(await store.get("aa")).toBeUndefined();
    await store.put("aa", Uint8Array.of(8));
    expect(await openAt(path).get("aa")).toEqual(Uint8Array.of(8));
  });

  test("is known by its shards where an earlier build wrote no sign, and has one from then on", async () => {
    const { store, path } = await openClaimed();
    await store.put("aa", Uint8Array.of(7));
    await rm(join(path, "twin-store"));
    expect(await openAt(path).get("bb")).toBeUndefined();
    expect(await readdir(path)).toContain("twin-store");
  });

  test("says so when its folder cannot be made", async () => {
    const path = join(root, `disk-${count++}`);
    await writeFile(path, "a file");
    await expect(openAt(join(path, "twin")).claim!()).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });
});
