// The command line, with a running host and without one: files kept alive, capabilities and
// experiences installed, and the demo of two twins.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { lockFolder } from "../../host/state/folder-lock.ts";
import { HostProcess, MAIN } from "../support/host-process.ts";
import { seededBytes } from "../support/seeded-bytes.ts";

const ROOT = join(import.meta.dirname, "..", "..");

describe("the command line", () => {
  it("keeps a file alive over two lost stores, and repairs", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const original = join(host.folder, "..", "original.bin");
    const copy = join(host.folder, "..", "copy.bin");
    await writeFile(original, seededBytes(7, 3_000_000));

    // Without a host the command does the work itself.
    const stored = (await host.json("put", original)) as { id: string; sizeBytes: number; durability: string };
    expect(stored).toMatchObject({ sizeBytes: 3_000_000, durability: "dispersed", name: "original.bin" });
    expect((await host.twin("put", original)).stdout.trim()).toBe(stored.id);

    await host.start();
    await host.loseStore("store-1");
    await host.loseStore("store-6");
    await host.json("get", stored.id, "--out", copy);
    expect((await readFile(copy)).equals(await readFile(original))).toBe(true);

    expect(await host.json("scrub")).toMatchObject({ shardsMissing: 2, shardsRepaired: 2, segmentsLost: 0, margin: 2 });
    expect(await host.json("scrub")).toMatchObject({ shardsMissing: 0, shardsCorrupt: 0, margin: 2 });

    const unknown = await host.twin(
      "get",
      "11111111111111111111111111111111",
      "--out",
      join(host.folder, "..", "none"),
    );
    expect(unknown.stderr).toMatch(/TWIN_OBJECT_UNKNOWN/);
    await expect(stat(join(host.folder, "..", "none"))).rejects.toThrow("ENOENT");

    // A folder becomes an object for each of its files.
    const letters = join(host.folder, "..", "letters");
    await mkdir(join(letters, "old"), { recursive: true });
    for (const name of ["a.txt", "old/b.txt"]) await writeFile(join(letters, name), name);
    const { objects } = (await host.json("put", letters)) as { objects: readonly { id: string; name: string }[] };
    expect(objects.map(({ name }) => name)).toEqual(["letters/a.txt", "letters/old/b.txt"]);
  });

  it("inspects, installs and removes capabilities, and refuses a changed one", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const built = join(ROOT, "capabilities", "build", "echo-1.0.0.wasm");
    expect(await host.json("capability", "inspect", built)).toMatchObject({ manifest: { name: "echo" } });
    await host.json("capability", "remove", "echo");
    expect((await host.twin("call", "echo", "echo", '{"text":"hi"}')).stderr).toMatch(/TWIN_CALL_UNKNOWN/);

    const changed = join(host.folder, "..", "changed.wasm");
    const bytes = await readFile(built);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(changed, bytes);
    expect((await host.twin("capability", "install", changed)).stderr).toMatch(/TWIN_PACKAGE_(SIGNATURE|INVALID)/);
    await host.start();
    await host.json("capability", "install", built);
    expect(await host.json("call", "echo", "echo", '{"text":"hi"}')).toMatchObject({ text: "hi" });
    // What the owner removed and installed again, or removed for good, is not brought back by a start.
    await host.json("capability", "remove", "echo");
    await host.stop();
    await host.start();
    const names = ((await host.json("capability", "list")) as { name: string }[]).map(({ name }) => name);
    expect(names).not.toContain("echo");
  });

  it("installs an experience that may do nothing until the owner grants it", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const folder = join(host.folder, "..", "app");
    await cp(join(ROOT, "host", "web", "experiences", "chat"), folder, { recursive: true });
    const manifest = JSON.parse(await readFile(join(folder, "experience.json"), "utf8")) as object;
    await writeFile(join(folder, "experience.json"), JSON.stringify({ ...manifest, name: "other" }));
    expect(await host.json("experience", "install", folder)).toMatchObject({ name: "other" });
    const listed = (await host.json("experience", "list")) as { name: string }[];
    expect(listed.map(({ name }) => name).toSorted()).toEqual(["chat", "files", "other"]);
    await writeFile(join(folder, "experience.json"), "{}");
    expect((await host.twin("experience", "install", folder)).stderr).toMatch(/TWIN_EXPERIENCE_INVALID/);
  });

  it("repeats a call under the same id without a second effect", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const first = await host.json("call", "echo", "count", "{}", "--call-id", "once");
    const again = await host.json("call", "echo", "count", "{}", "--call-id", "once");
    const next = await host.json("call", "echo", "count", "{}");
    expect(again).toEqual(first);
    expect(next).not.toEqual(first);
  });

  it("says in one sentence what it was given wrongly, and what there is instead", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const refusals: readonly (readonly [string, RegExp])[] = [
      [
        "capability inspect ./none.wasm",
        /none\.wasm cannot be used: no such file or directory\. \(TWIN_INPUT_INVALID\)$/u,
      ],
      ["store add usb", /^Where is usb\? .*\(TWIN_INPUT_INVALID\)$/u],
      ["capability test ./none", /none has no tests: .*\(TWIN_INPUT_INVALID\)$/u],
      ["start --as other", /leave out --as other\. \(TWIN_INPUT_INVALID\)$/u],
      ["receipts --limit few", /'few' is invalid\. Expected a whole number\.\nAdd --help for examples\.$/u],
      ["call echo say", /It has: .*count.*\(TWIN_CALL_UNKNOWN\)$/u],
    ];
    for (const [words, said] of refusals) {
      const { exitCode, stderr } = await host.twin(...words.split(" "));
      expect(stderr.trim()).toMatch(said);
      expect(exitCode).toBe(1);
    }
    const chat = await host.json("capability", "inspect", "chat");
    expect(chat).toMatchObject({ manifest: { name: "chat" }, problems: [] });
  });

  it("runs a demo of two paired twins, whose hosts end with it even when it is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "twin-demo-test-"));
    try {
      const killed = await startDemo(folder);
      expect(killed.links).toHaveLength(2);
      expect(new Set(killed.links.map((link) => new URL(link).host)).size).toBe(2);
      await stop(killed.demo, "SIGKILL");
      for (const twin of ["ada", "ben"]) {
        await expect.poll(() => isFree(join(folder, twin)), { timeout: 30_000 }).toBe(true);
      }

      // The twins are kept.
      const again = await startDemo(folder);
      expect(await stop(again.demo, "SIGINT")).toEqual([0, null]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function startDemo(folder: string): Promise<{ readonly demo: ChildProcess; readonly links: readonly string[] }> {
  const demo = spawn(process.execPath, [MAIN, "demo", "--data", folder, "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const part of demo.stdout) {
    text += String(part);
    if (text.includes("Ctrl-C")) break;
  }
  return { demo, links: text.match(/http:\/\/localhost:\d+\/#login=\S+/g) ?? [] };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const ended = once(child, "exit");
  child.kill(signal);
  return await ended;
}

/** Whether no host runs on the folder. */
function isFree(folder: string): boolean {
  try {
    lockFolder(folder)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}
