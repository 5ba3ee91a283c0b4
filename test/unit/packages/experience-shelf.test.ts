import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hexEncode, utf8Decode } from "../../../host/base/bytes.ts";
import type { StateEntry, StateRange, StateWrite } from "../../../host/state/state-store.ts";
import { type ExperienceShelf, openExperienceShelf } from "../../../host/packages/experience-shelf.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const MANIFEST = {
  name: "notes",
  version: "1.0.0",
  title: "Notes",
  description: "Shows notes.",
  icon: "icon.svg",
  start: "index.html",
  needs: [{ capability: "notes", methods: ["list"], reason: "Shows your notes." }],
  objects: ["get"],
};

let root: string;
let rows: Map<string, Uint8Array>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shelf-"));
  rows = new Map();
});
afterEach(() => rm(root, { recursive: true }));

const table = {
  readTable: async ({ namespace }: StateRange): Promise<StateEntry[]> => {
    expect(namespace).toBe("$experiences");
    return Array.from(rows, ([key, value]) => ({ key: Uint8Array.fromHex(key), value }));
  },
  writeTable: async (writes: readonly StateWrite[]): Promise<void> => {
    for (const { key, value } of writes) {
      if (value === undefined) rows.delete(hexEncode(key));
      else rows.set(hexEncode(key), value);
    }
  },
};
const shelfFolder = (): string => join(root, "shelf");
const openShelf = (): Promise<ExperienceShelf> =>
  openExperienceShelf({ folder: shelfFolder(), table, kernels, clock: { nowMs: () => 1_000 } });

async function source(files: Record<string, string> = {}, manifest: object = {}): Promise<string> {
  const folder = await mkdtemp(join(root, "source-"));
  const all = {
    "experience.json": JSON.stringify({ ...MANIFEST, ...manifest }),
    "index.html": "<h1>Notes</h1>",
    "icon.svg": "<svg/>",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

async function textOf(shelf: ExperienceShelf, path: string): Promise<string | undefined> {
  const file = await shelf.file("notes", path);
  return file === undefined ? undefined : utf8Decode(file.bytes);
}

describe("an experience shelf", () => {
  it("serves what was installed, with its media type, also after it is opened again", async () => {
    const shelf = await openShelf();
    const info = await shelf.install(await source({ "js/app.mjs": "1" }));
    expect(info).toMatchObject({ ...MANIFEST, installedAtMs: 1_000 });
    for (const open of [shelf, await openShelf()]) {
      expect(await open.list()).toEqual([info]);
      expect(await textOf(open, "index.html")).toBe("<h1>Notes</h1>");
      expect(await open.file("notes", "js/app.mjs")).toMatchObject({ type: "text/javascript; charset=utf-8" });
    }
  });

  it("has one hash for one content, and changes nothing when it comes again", async () => {
    const shelf = await openShelf();
    const first = await shelf.install(await source());
    expect(await shelf.install(await source())).toBe(first);
    expect((await shelf.install(await source({ "index.html": "other" }))).hash).not.toBe(first.hash);
  });

  it("puts a new version in the place of the old one and keeps no file of it", async () => {
    const shelf = await openShelf();
    const before = await shelf.install(await source({ "old.txt": "old" }));
    const after = await shelf.install(await source({}, { version: "1.1.0" }));
    expect(await textOf(shelf, "old.txt")).toBeUndefined();
    expect(await readdir(shelfFolder())).toEqual([after.hash]);
    expect(after.hash).not.toBe(before.hash);
  });

  it.each([
    "../secret",
    "..",
    "",
    "/",
    "/index.html",
    "./index.html",
    "index.html/",
    "js/../index.html",
    "index.html\0",
    "INDEX.HTML",
    "__proto__",
    "constructor",
    "index.json",
  ])("knows no file under the path %j", async (path) => {
    const shelf = await openShelf();
    await writeFile(join(root, "secret"), "secret");
    await shelf.install(await source());
    expect(await shelf.file("notes", path)).toBeUndefined();
    expect(await shelf.file(path, "index.html")).toBeUndefined();
  });

  it("serves a file named like a prototype", async () => {
    const shelf = await openShelf();
    await shelf.install(await source({ __proto__: "plain" }));
    const folder = await source({ "a/constructor": "plain" });
    await writeFile(join(folder, "__proto__"), "own");
    await shelf.install(folder);
    expect(await textOf(shelf, "__proto__")).toBe("own");
    expect(await textOf(shelf, "a/constructor")).toBe("plain");
  });

  it("refuses links, to files and to folders", async () => {
    const shelf = await openShelf();
    const withFile = await source();
    await symlink("/etc/hostname", join(withFile, "leak.txt"));
    await expect(shelf.install(withFile)).rejects.toThrow(/leak.txt is a link/u);
    const withFolder = await source();
    await symlink("/etc", join(withFolder, "leak"));
    await expect(shelf.install(withFolder)).rejects.toThrow(/leak is a link/u);
    expect(await shelf.list()).toEqual([]);
  });

  it("leaves hidden files out and refuses the reserved folder and odd names", async () => {
    const shelf = await openShelf();
    await shelf.install(await source({ ".git/config": "x", ".env": "SECRET=1" }));
    expect(await shelf.file("notes", ".env")).toBeUndefined();
    await expect(shelf.install(await source({ "-/twin.js": "x" }))).rejects.toThrow(/cannot be served/u);
    await expect(shelf.install(await source({ "a%2fb": "x" }))).rejects.toThrow(/cannot be served/u);
    await expect(shelf.install(await source({ "a\\b": "x" }))).rejects.toThrow(/cannot be served/u);
  });

  it("refuses too many files and bytes", async () => {
    const shelf = await openShelf();
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`f${index}`, ""]));
    await expect(shelf.install(await source(many))).rejects.toThrow(/more than 2000 files/u);
    const large = await source();
    await writeFile(join(large, "large.bin"), new Uint8Array(64 * 1024 * 1024));
    await expect(shelf.install(large)).rejects.toThrow(/larger than/u);
  });

  it.each([
    [/needs|missing|nothing/u, { needs: undefined }],
    [/icon/u, { icon: "icon.exe" }],
    [/index2.html, which is not there/u, { start: "index2.html" }],
    [/name/u, { name: "a--b" }],
    [/name/u, { name: "a-" }],
    [/name/u, { name: "xn" }],
    [/extra/u, { extra: true }],
    [/objects\[0\]/u, { objects: ["delete"] }],
    [/needs\[0\].methods/u, { needs: [{ capability: "notes", methods: [], reason: "x" }] }],
    [/reason/u, { needs: [{ capability: "notes", methods: ["a"], reason: "" }] }],
  ])("refuses with %s a manifest that is wrong there", async (words, changes) => {
    const shelf = await openShelf();
    await expect(shelf.install(await source({}, changes))).rejects.toThrow(words);
    expect(await readdir(shelfFolder())).toEqual([]);
  });

  it("says where its JSON ends being one", async () => {
    const folder = await source({ "experience.json": '{\n  "name": "notes",\n  title: "Notes"\n}' });
    await expect((await openShelf()).install(folder)).rejects.toThrow(
      /experience\.json cannot be read as JSON: .*line 3/u,
    );
  });

  it("refuses a folder that is none", async () => {
    const shelf = await openShelf();
    await expect(shelf.install(join(root, "nowhere"))).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_INVALID" });
    await expect(shelf.install(root)).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_INVALID" });
  });

  it("notices files that were changed on disk", async () => {
    const shelf = await openShelf();
    const { hash } = await shelf.install(await source());
    for (const name of await readdir(join(shelfFolder(), hash)))
      await writeFile(join(shelfFolder(), hash, name), "evil");
    await expect(shelf.file("notes", "index.html")).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_INVALID" });
    const again = await openShelf();
    await expect(again.file("notes", "index.html")).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_INVALID" });
  });

  it("sweeps what an interrupted installation left", async () => {
    await mkdir(join(shelfFolder(), "f".repeat(64)), { recursive: true });
    await mkdir(join(shelfFolder(), `${"e".repeat(64)}.tmp`));
    const shelf = await openShelf();
    expect(await readdir(shelfFolder())).toEqual([]);
    expect(await shelf.list()).toEqual([]);
  });

  it("keeps what was there when the row cannot be written", async () => {
    const shelf = await openShelf();
    const before = await shelf.install(await source());
    const failing = await openExperienceShelf({
      folder: shelfFolder(),
      table: { ...table, writeTable: () => Promise.reject(new Error("disk full")) },
      kernels,
      clock: { nowMs: () => 2_000 },
    });
    await expect(failing.install(await source({ "new.txt": "x" }))).rejects.toThrow("disk full");
    expect(await failing.list()).toEqual([before]);
    expect(await textOf(failing, "index.html")).toBe("<h1>Notes</h1>");
  });

  it("removes an experience with its files", async () => {
    const shelf = await openShelf();
    await shelf.install(await source());
    await shelf.remove("notes");
    expect(await shelf.list()).toEqual([]);
    expect(await shelf.file("notes", "index.html")).toBeUndefined();
    expect(await readdir(shelfFolder())).toEqual([]);
    await expect(shelf.remove("notes")).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_UNKNOWN" });
  });
});
