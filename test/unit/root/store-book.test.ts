// The list of stores outlives the host, and each change is in it before the vault relies on it.

import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { silentLog } from "../../../host/base/log.ts";
import { openTwinVault, type TwinVault } from "../../../host/twin-vault.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { putBytes, readBytes, testKernels } from "../../support/test-vault.ts";

let folder: string;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "store-book-"));
});
afterEach(async () => {
  await stack.disposeAsync();
  await rm(folder, { recursive: true });
});

async function open(): Promise<TwinVault> {
  await stack?.disposeAsync();
  stack = new AsyncDisposableStack();
  const openTwinStore = (): never => {
    throw new Error("no twins here");
  };
  return openTwinVault(stack, {
    folder,
    identity: testIdentity(1),
    kernels: await testKernels(),
    openTwinStore,
    log: silentLog,
  });
}

describe("the book of stores", () => {
  test("begins with six directories and writes nothing down until something changes", async () => {
    const { stores } = await open();
    expect((await stores.list()).map(({ name }) => name)).toEqual(
      [1, 2, 3, 4, 5, 6].map((number) => `store-${number}`),
    );
    await expect(stat(join(folder, "stores.json"))).rejects.toThrow("ENOENT");
  });

  test("keeps an added store, its secret for the owner alone, over a restart", async () => {
    const { stores } = await open();
    await stores.add({ name: "usb", location: join(folder, "usb") });
    expect((await stat(join(folder, "stores.json"))).mode & 0o777).toBe(0o600);
    const again = await open();
    const usb = (await again.stores.list()).find(({ name }) => name === "usb");
    expect(usb).toMatchObject({
      healthy: true,
      location: join(folder, "usb"),
      // Where the data folder is too: the loss of that disk is the loss of both.
      domain: "this disk",
    });
  });

  test("takes no place a second time, however it is written", async () => {
    const { stores } = await open();
    await stores.add({ name: "usb", location: join(folder, "usb") });
    await mkdir(join(folder, "usb"), { recursive: true });
    await symlink("usb", join(folder, "link"));
    for (const location of [join(folder, "usb"), join(folder, "link"), "usb", join(folder, "stores", "store-3")]) {
      await expect(stores.add({ name: "again", location })).rejects.toMatchObject({
        code: "TWIN_CONFIG_INVALID",
        message: expect.stringContaining("is that place already") as string,
      });
    }
    expect((await stores.list()).map(({ name }) => name)).not.toContain("again");
  });

  test("forgets a store that could not be added", async () => {
    const { stores } = await open();
    await writeFile(join(folder, "file"), "in the way");
    const bad = stores.add({ name: "bad", location: join(folder, "file", "deep") });
    await expect(bad).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    await expect(stores.add({ name: "cloud", location: "s3+http://K:S@127.0.0.1:1/b" })).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
    });
    await expect(stores.add({ name: "../x", location: "/x" })).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
    expect(await stores.list()).toHaveLength(6);
    expect((await open().then((opened) => opened.stores.list())).length).toBe(6);
  });

  test("goes on with a drain after a restart, and removes what is empty", async () => {
    const first = await open();
    const { id } = await putBytes(first.vault, seededBytes(1, 200_000));
    await expect(first.stores.drain("store-1", {})).rejects.toMatchObject({ code: "TWIN_STORE_NEEDED" });
    await expect(stat(join(folder, "stores.json"))).rejects.toThrow("ENOENT");
    await first.stores.add({ name: "usb", location: join(folder, "usb") });
    await first.stores.drain("store-1", {});
    const second = await open();
    expect((await second.stores.list())[0]).toMatchObject({ draining: true, shardCount: 0 });
    await second.stores.remove("store-1", {});
    const third = await open();
    expect((await third.vault.status()).margin).toBe(2);
    expect(await readBytes(third.vault, id)).toEqual(seededBytes(1, 200_000));
    await third.stores.add({ name: "more", location: join(folder, "more") });
    await third.stores.drain("usb", {});
    await third.stores.keep("usb");
    expect((await open().then(({ stores }) => stores.list())).some(({ draining }) => draining)).toBe(false);
  });

  test("writes nothing where a disk was, until it is back or the folder is taken as a new one", async () => {
    const { vault, stores } = await open();
    const usb = join(folder, "..", `${basename(folder)}-usb`);
    onTestFinished(() => rm(usb, { recursive: true, force: true }));
    await stores.add({ name: "usb", location: usb });
    const info = await putBytes(vault, seededBytes(1, 9_000));
    await stores.drain("store-1", {});
    await rename(usb, join(folder, "away"));
    await mkdir(usb);
    const again = await open();
    const listed = async (): Promise<unknown> => (await again.stores.list()).find(({ name }) => name === "usb");
    expect(await listed()).toMatchObject({
      healthy: false,
      problem: expect.stringContaining("mount its disk") as string,
    });
    expect((await again.vault.status()).margin).toBe(1);
    await again.stores.keep("store-1");
    await putBytes(again.vault, seededBytes(2, 9_000));
    await again.vault.sample(9);
    await again.vault.repair();
    expect(await readdir(usb)).toEqual([]);
    // Also when nothing is expected there any more.
    await again.vault.scrub();
    expect(await listed()).toMatchObject({ healthy: false, shardCount: 0 });
    expect(await readdir(usb)).toEqual([]);
    await rmdir(usb);
    await rename(join(folder, "away"), usb);
    expect(await listed()).toMatchObject({ healthy: true });
    await rm(usb, { recursive: true });
    expect(await listed()).toMatchObject({ healthy: false });
    await again.stores.keep("usb");
    expect(await listed()).toMatchObject({ healthy: true });
    expect(await readBytes(again.vault, info.id)).toEqual(seededBytes(1, 9_000));
  });

  test("that is damaged stops the start instead of losing stores", async () => {
    const { stores } = await open();
    await stores.add({ name: "usb", location: join(folder, "usb") });
    const whole = await readFile(join(folder, "stores.json"), "utf8");
    for (const damaged of [whole.slice(0, 40), whole.replace('"version":1', '"version":9'), "[]"]) {
      await writeFile(join(folder, "stores.json"), damaged);
      await expect(open()).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
    }
  });

  test("keeps a store within its capacity and the vault within its quota, over a restart", async () => {
    const { stores, vault } = await open();
    await stores.add({ name: "small", location: join(folder, "small"), capacityBytes: 20_000 });
    await stores.setQuota(100_000);
    await putBytes(vault, seededBytes(1, 60_000));
    await expect(putBytes(vault, seededBytes(2, 60_000))).rejects.toMatchObject({
      code: "TWIN_STORE_FULL",
      details: { quotaBytes: 100_000, sizeBytes: 60_000 },
    });
    const again = await open();
    await expect(putBytes(again.vault, seededBytes(2, 60_000))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    await again.stores.setQuota(undefined);
    for (let seed = 2; seed < 8; seed++) await putBytes(again.vault, seededBytes(seed, 60_000));
    const status = await again.vault.status();
    expect(status).toMatchObject({ margin: 2, degradedSegments: 0, quotaBytes: undefined });
    const small = status.stores.find(({ name }) => name === "small")!;
    expect(small.capacityBytes).toBe(20_000);
    expect(small.usedBytes).toBeLessThanOrEqual(20_000);
  });
});
