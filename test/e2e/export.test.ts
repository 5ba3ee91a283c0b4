// The whole twin as open files, and back: the same root, and nothing that was changed on the way comes in.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, expect, it } from "vitest";

import { HostProcess, runTwin } from "../support/host-process.ts";

const place = await mkdtemp(join(tmpdir(), "export-"));
afterAll(() => rm(place, { recursive: true, force: true }));

it("exports a running twin as plain files and imports it with the same root", async () => {
  await using host = await HostProcess.create();
  const { phrase, twin } = await host.start(["--name", "Ada"]);
  await writeFile(join(place, "letter: one?.txt"), "dear Bob");
  await writeFile(join(place, "photo.jpg"), new Uint8Array(3_000_000).fill(7));
  await writeFile(join(place, "phrase.txt"), phrase!);
  const { id } = (await host.json("put", join(place, "letter: one?.txt"))) as { id: string };
  await host.json("put", join(place, "photo.jpg"));
  // The twin goes on while it is exported.
  const calls = Array.from({ length: 3 }, (_, at) => host.json("call", "echo", "echo", `{"text":"${at}"}`));
  const exported = (await host.json("export", join(place, "live"))) as { root: string };
  await Promise.all(calls);
  expect(exported).toMatchObject({ twin, objects: 2 });
  await host.stop("SIGKILL");

  const open = join(place, "open");
  const first = (await host.json("export", open)) as { root: string; rows: number };
  expect(await host.twin("export", open)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("not empty") });
  const files = await readdir(open, { recursive: true });
  expect(files).toContain(`objects/${id.slice(0, 12)}-letter_ one_.txt`);
  expect(await readFile(join(open, "objects", `${id.slice(0, 12)}-letter_ one_.txt`), "utf8")).toBe("dear Bob");
  expect(await readFile(join(open, "tables", "$settings.jsonl"), "utf8")).toContain('{"key":"name","value":"Ada"}');
  await promisify(execFile)("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: open });

  const folder = join(place, "twin");
  const take = (from: string): ReturnType<typeof runTwin> =>
    runTwin(["import", from, "--data", folder, "--json", "--phrase-file", join(place, "phrase.txt")]);
  const damages: readonly (readonly [file: string, says: string])[] = [
    ["manifest.json", "signature"],
    ["SHA256SUMS", "SHA256SUMS was changed"],
    ["tables/$settings.jsonl", "settings.jsonl was changed"],
    [`objects/${id.slice(0, 12)}-letter_ one_.txt`, "was changed"],
  ];
  for (const [file, says] of damages) {
    const damaged = join(place, "damaged");
    await cp(open, damaged, { recursive: true });
    const bytes = await readFile(join(damaged, file));
    bytes[bytes.lastIndexOf("e")] = "a".codePointAt(0)!;
    await writeFile(join(damaged, file), bytes);
    const refused = await take(damaged);
    expect(refused.stdout).toContain("TWIN_SEAL_BROKEN");
    expect(refused.stdout).toContain(says);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
    await rm(damaged, { recursive: true });
  }

  const imported = await take(open);
  expect(JSON.parse(imported.stdout)).toMatchObject({ twin, root: first.root, objects: 2, rows: first.rows });
  const again = await runTwin(["export", join(place, "again"), "--data", folder, "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ twin, root: first.root });
  // As another twin of a host that runs, which finds it by itself.
  await using other = await HostProcess.create();
  await other.start(["--name", "Ben"]);
  const joined = await other.json("--as", "ada", "import", open, "--phrase-file", join(place, "phrase.txt"));
  expect(joined).toMatchObject({ twin, root: first.root, folder: join(other.folder, "twins", "ada") });
  await other.json("--as", "ada", "get", id, "--out", join(place, "joined.txt"));
  expect(await readFile(join(place, "joined.txt"), "utf8")).toBe("dear Bob");
  await runTwin(["get", id, "--data", folder, "--out", join(place, "back.txt")]);
  expect(await readFile(join(place, "back.txt"), "utf8")).toBe("dear Bob");
});
