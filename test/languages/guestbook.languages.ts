// The guestbook in each language, and the guide to all others: the same tests, the same answers, the same bytes wherever it is built.

import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LANGUAGES, newCapability } from "../../host/author.ts";
import { readPackage } from "../../host/packages/package-file.ts";
import { openLab } from "../../host/testing.ts";
import { CapabilityFailure, openCapabilityTwin, testTwinId } from "../support/capability-twin.ts";
import { MAIN } from "../support/host-process.ts";
import { referenceKernels as kernels } from "../support/reference-kernels.ts";

const PROGRAMS = { assemblyscript: [], c: ["clang", "wasm-ld"], rust: ["rustc"] } as const;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "languages-"));
});
afterAll(() => rm(root, { recursive: true }));

async function isThere(program: string): Promise<boolean> {
  return await promisify(execFile)(program, ["--version"]).then(
    () => true,
    () => false,
  );
}

/** The hash of what the command builds: as this user, or as another one in another place of the world. */
async function buildBy(folder: string, { isOther }: { readonly isOther: boolean }): Promise<string> {
  const key = join(folder, "publisher.key");
  if (isOther) await copyFile(join(folder, "../here/publisher.key"), key);
  const other = {
    uid: 65_534,
    gid: 65_534,
    env: { ...process.env, TZ: "Pacific/Auckland", LANG: "tr_TR", HOME: folder },
  };
  const canBeOther = isOther && process.getuid?.() === 0;
  if (canBeOther) {
    await chmod(root, 0o755);
    for (const path of [folder, ...(await readdir(folder, { recursive: true })).map((name) => join(folder, name))]) {
      await chown(path, other.uid, other.gid);
    }
  }
  const args = [MAIN, "capability", "build", folder, "--out", join(folder, "build"), "--key", key, "--json"];
  const command = `umask ${isOther ? "077" : "022"} && exec "$0" "$@"`;
  const { stdout } = await promisify(execFile)(
    "/bin/sh",
    ["-c", command, process.execPath, ...args],
    canBeOther ? other : {},
  );
  return (JSON.parse(stdout) as [{ readonly hash: string }])[0].hash;
}

describe("the guide to the ABI", () => {
  it("builds as it is printed, keeps any text, also later, and calls the contacts", async (context) => {
    if (!(await isThere("clang"))) context.skip("clang is not installed; see .ci/run");
    const folder = join(root, "tick");
    await mkdir(folder);
    const guide = await readFile(join(import.meta.dirname, "../../docs/guides/abi-for-any-language.md"), "utf8");
    for (const [, name, text] of guide.matchAll(/^## `([\w.]+)`\n\n```\w+\n([\s\S]*?)^```$/gmu)) {
      await writeFile(join(folder, name!), text!);
    }
    await using lab = await openLab({ capability: folder });
    const ada = await lab.twin();
    expect(await ada.call("kept")).toBeNull();
    for (const text of ['"quoted" \u{1f600}\n', "x".repeat(1_000), ""]) {
      expect(await ada.call("keep", text)).toBe(text);
      expect(await ada.call("kept")).toBe(text);
    }
    await ada.call("keep_later", "later");
    await lab.advance(59_999);
    expect(await ada.call("kept")).toBe("");
    await lab.advance(1);
    expect(await ada.call("kept")).toBe("later");
    const bob = await lab.twin();
    await ada.call("contacts.add", { twin: bob.id, name: "Bob" });
    expect(await ada.call("people")).toMatchObject({ people: [{ name: "Bob" }] });
  });
});

describe.each(LANGUAGES)("the guestbook in %s", (language) => {
  it("passes its own tests, builds the same bytes for two users in two folders, and holds against hostile text", async (context) => {
    for (const program of PROGRAMS[language]) {
      if (!(await isThere(program))) context.skip(`${program} is not installed; see .ci/run`);
    }
    const folders = ["here", "elsewhere"].map((place) => join(root, language, place));
    const hashes: string[] = [];
    for (const folder of folders) {
      await newCapability(folder, { name: "guestbook", language });
      hashes.push(await buildBy(folder, { isOther: folder === folders[1] }));
    }
    expect(hashes[1]).toBe(hashes[0]);
    const run = await promisify(execFile)(process.execPath, [MAIN, "capability", "test", folders[0]!]);
    expect(run.stdout).toMatch(/pass 5\n.*fail 0/u);

    const [file] = await readdir(join(folders[0]!, "build")).then((names) =>
      names.filter((name) => name.endsWith(".wasm")),
    );
    const pack = readPackage(await readFile(join(folders[0]!, "build", file!)), kernels);
    const twin = openCapabilityTwin(pack, testTwinId(0));
    const texts = ['","number":7,"x":"', "\\", '\\\\"', "]},{", "\u{1f600}".repeat(500), "\u0001".repeat(500), "\0"];
    for (const text of texts) expect(twin.call("sign", { text })["text"]).toBe(text);
    const lines = twin.call("list", { limit: 200 }) as unknown as { text: string }[];
    expect(lines.map(({ text }) => text)).toEqual(texts.toReversed());
    expect(() => twin.call("list", { limit: 201 })).toThrow(CapabilityFailure);
    for (let count = 0; count < 300; count++) twin.call("sign", { text: "x".repeat(500) });
    expect(twin.call("list", { limit: 200 })).toHaveLength(200);
    expect(twin.memorySizeBytes).toBeLessThan(4 * 1024 * 1024);
  });
});
