// Objects of shards and keys alone: by our own reader, and by the stand-alone program of docs/formats.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import { formatPhrase } from "../../../host/identity/phrase.ts";
import { openDirectoryShardStore } from "../../../host/vault/directory-shard-store.ts";
import { openShardLibrary } from "../../../host/vault/shard-library.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { seededText } from "../../support/seeded-text.ts";
import { combinations, openVaultOver, putBytes, testKernels } from "../../support/test-vault.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "..", "docs", "formats", "vault-cat.mjs");
const folder = await mkdtemp(join(tmpdir(), "shard-library-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const entropy = seededBytes(24, 32);
const content = seededBytes(5, 700_001);
/** Stored compressed. */
const words = seededText(6, 300_000);
const names = ["a", "b", "c", "d", "e", "f"];
const kernels = await testKernels();
const { keys } = deriveIdentity(entropy, kernels);
const stores = await Promise.all(
  names.map((name) => openDirectoryShardStore({ name, domain: name, path: join(folder, name) })),
);
const { vault } = await openVaultOver(stores, { key: keys.vault });
const letter = await putBytes(vault, content, { name: "letter – one.txt", type: "text/plain" });
const novel = await putBytes(vault, words, { name: "novel" });
const empty = await putBytes(vault, new Uint8Array(0), { name: "empty" });
await writeFile(join(folder, "phrase.txt"), `${formatPhrase(entropy).toUpperCase()}\n`);

function library(of: readonly string[]): ReturnType<typeof openShardLibrary> {
  const left = stores.filter(({ name }) => of.includes(name));
  return openShardLibrary({ key: keys.vault, stores: left, kernels, clock: createManualClock(), log: silentLog });
}

async function runProgram(of: readonly string[], ...flags: string[]): Promise<Buffer> {
  const argv = [PROGRAM, "--phrase", join(folder, "phrase.txt"), ...flags, ...of.map((name) => join(folder, name))];
  const options = { encoding: "buffer", maxBuffer: 16 * 1024 * 1024 } as const;
  return (await promisify(execFile)(process.execPath, argv, options)).stdout;
}

describe("objects of shards and keys alone", () => {
  test("are read from any k stores, and refused by name from fewer", async () => {
    for (const left of combinations(names, 4)) {
      const { objects, read } = await library(left);
      expect(objects.map(({ id, name }) => `${id} ${name}`).toSorted()).toEqual(
        [`${letter.id} letter – one.txt`, `${novel.id} novel`, `${empty.id} empty`].toSorted(),
      );
      expect(Buffer.concat(await Array.fromAsync(read(novel.id))).equals(words)).toBe(true);
      expect(Buffer.concat(await Array.fromAsync(read(letter.id))).equals(content)).toBe(true);
    }
    const { objects, read } = await library(names.slice(0, 3));
    expect(objects.map(({ id }) => id)).not.toContain(letter.id);
    await expect(Array.fromAsync(read(letter.id))).rejects.toMatchObject({
      code: "TWIN_OBJECT_LOST",
      details: { object: letter.id },
    });
  });

  test("are read without a byte written", async () => {
    const before = await readdir(folder, { recursive: true });
    const { read } = await library(names.slice(1, 5));
    await Array.fromAsync(read(letter.id));
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test("are read by the stand-alone program, with two stores missing and a third one rotten", async () => {
    expect((await runProgram(names.slice(2))).toString().split("\n").toSorted()).toEqual(
      [
        "",
        `${letter.id}\t700001\ttext/plain\tletter – one.txt`,
        `${novel.id}\t300000\tapplication/octet-stream\tnovel`,
        `${empty.id}\t0\tapplication/octet-stream\tempty`,
      ].toSorted(),
    );
    expect((await runProgram(names.slice(0, 4), "--object", letter.id)).equals(content)).toBe(true);
    expect((await runProgram(names.slice(2), "--object", novel.id)).equals(words)).toBe(true);
    // One more goes bad than whole stores are missing: the last leaf of each of its shards.
    for (const entry of await readdir(join(folder, "f"), { recursive: true, withFileTypes: true })) {
      if (!/^[0-9a-f]{32}-/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = await readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(path, bytes);
    }
    expect((await runProgram(names.slice(1), "--object", letter.id)).equals(content)).toBe(true);
    expect((await runProgram(names.slice(1), "--object", empty.id)).length).toBe(0);
    await expect(runProgram(names.slice(0, 3), "--object", letter.id)).rejects.toThrow("in none of these stores");
  });
});
