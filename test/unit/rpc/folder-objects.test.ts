import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { storeFolderAsObjects } from "../../../host/rpc/folder-objects.ts";
import type { ObjectInfo, Vault } from "../../../host/vault/object.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, readBytes } from "../../support/test-vault.ts";

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "folder-objects-"));
  folder = join(root, "Letters");
  await mkdir(join(folder, "old", "older"), { recursive: true });
  await mkdir(join(folder, "empty"));
});
afterEach(() => rm(root, { recursive: true }));

async function store(vault: Pick<Vault, "put" | "putMany">, path = folder) {
  const stored: ObjectInfo[] = [];
  const progress: number[] = [];
  const report = await storeFolderAsObjects(vault, path, {
    onStored: (objects) => void stored.push(...objects),
    onProgress: (done) => void progress.push(done),
  });
  return { report, progress, stored: stored.toSorted((left, right) => (left.name < right.name ? -1 : 1)) };
}

describe("a folder", () => {
  it("becomes one object for each file, called by its way from the folder", async () => {
    const { vault } = await openTestVault();
    const files = {
      "a.txt": seededBytes(1, 3_000),
      "nothing.md": new Uint8Array(0),
      "old/large.jpg": seededBytes(2, 700_000),
      "old/older/Über uns": seededBytes(3, 70_000),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    const { report, progress, stored } = await store(vault);
    expect(stored.map(({ name, type }) => [name, type])).toEqual([
      ["Letters/a.txt", "text/plain"],
      ["Letters/nothing.md", "text/markdown"],
      ["Letters/old/large.jpg", "image/jpeg"],
      ["Letters/old/older/Über uns", "application/octet-stream"],
    ]);
    for (const [index, bytes] of Object.values(files).entries()) {
      expect(Buffer.compare(await readBytes(vault, stored[index]!.id), bytes)).toBe(0);
    }
    expect(report).toEqual({ objectCount: 4, sizeBytes: 773_000, otherCount: 0, failedCount: 0, failures: [] });
    expect(progress.at(-1)).toBe(773_000);
    const before = await vault.status();
    await writeFile(join(folder, "b.txt"), "new");
    expect((await store(vault)).stored).toHaveLength(5);
    const { segmentCount, objectCount } = await vault.status();
    expect({ segmentCount, objectCount }).toEqual({ segmentCount: before.segmentCount + 1, objectCount: 5 });
  });

  it("keeps more files than are read or put at once", async () => {
    const { vault } = await openTestVault();
    const sizeOf = (at: number): number => (at % 4 === 0 ? 262_145 + at : at * 37);
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => writeFile(join(folder, "old", `${at}`), seededBytes(at, sizeOf(at)))),
    );
    const { report, stored } = await store(vault);
    expect(report.objectCount).toBe(60);
    for (const { id, name, sizeBytes } of stored) {
      const at = Number(name.split("/").at(-1));
      expect(sizeBytes).toBe(sizeOf(at));
      expect(Buffer.compare(await readBytes(vault, id), seededBytes(at, sizeOf(at)))).toBe(0);
    }
  });

  it("leaves links alone, and names what cannot be stored", async () => {
    const { vault } = await openTestVault();
    await writeFile(join(root, "secret"), "elsewhere");
    await symlink(join(root, "secret"), join(folder, "link"));
    await symlink(root, join(folder, "loop"));
    const deep = join(folder, ...Array.from({ length: 5 }, () => "d".repeat(250)));
    await mkdir(deep, { recursive: true });
    await writeFile(join(deep, "file"), "x");
    await writeFile(join(folder, "kept"), "kept");
    const { report, stored } = await store(vault);
    expect(stored.map(({ name }) => name)).toEqual(["Letters/kept"]);
    expect(report).toMatchObject({
      otherCount: 2,
      failedCount: 1,
      failures: [{ path: join(deep, "file"), reason: "its name is too long" }],
    });
  });

  it("names a file that goes while it is read, and keeps the others", async () => {
    const { vault } = await openTestVault();
    await writeFile(join(folder, "a"), "a");
    await writeFile(join(folder, "gone"), new Uint8Array(300_000));
    // As the stream of a file does that went between two looks.
    const put = async (): Promise<never> => {
      throw Object.assign(new Error("no such file"), { code: "ENOENT", syscall: "open" });
    };
    const { report, stored } = await store({ put, putMany: vault.putMany.bind(vault) });
    expect(stored.map(({ name }) => name)).toEqual(["Letters/a"]);
    expect(report.failures).toEqual([{ path: join(folder, "gone"), reason: "ENOENT" }]);
  });

  it("ends with the vault's own failures, small files or large", async () => {
    for (const size of [100, 300_000]) {
      const { vault, stores } = await openTestVault();
      await writeFile(join(folder, "file"), seededBytes(1, size));
      stores[1]!.fault = "full";
      await expect(store(vault)).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
      expect(await vault.status()).toMatchObject({ objectCount: 0, putsAtWork: 0 });
    }
  });

  it("must be one", async () => {
    const { vault } = await openTestVault();
    await writeFile(join(folder, "file"), "x");
    for (const path of [join(folder, "file"), join(folder, "nothing")]) {
      await expect(store(vault, path)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    }
  });
});
