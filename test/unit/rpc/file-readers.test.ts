import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { FileReaders, FILES_AT_ONCE } from "../../../host/rpc/file-readers.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const { smallObjectSizeBytes } = LIMITS.vault;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "file-readers-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, Uint8Array>>): Promise<string[]> {
  await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(folder, name), bytes)));
  return Object.keys(files).map((name) => join(folder, name));
}

describe("reading small files", () => {
  it("gives the bytes of each, and says what is not small", async () => {
    const files = {
      short: seededBytes(1, 3),
      empty: new Uint8Array(0),
      longest: seededBytes(2, smallObjectSizeBytes),
      large: new Uint8Array(smallObjectSizeBytes + 1),
      last: seededBytes(3, 70_000),
    };
    const paths = await write(files);
    using readers = new FileReaders();
    using read = await readers.read(paths);
    const expected = Object.entries(files).map(([name, bytes]) => (name === "large" ? "large" : bytes));
    expect(read.contents.map((content) => (content instanceof Uint8Array ? Buffer.from(content) : content))).toEqual(
      expected.map((content) => (content instanceof Uint8Array ? Buffer.from(content) : content)),
    );
  });

  it("follows no link, waits for no pipe, and tells why a file cannot be read", async () => {
    const [kept = ""] = await write({ kept: seededBytes(1, 10) });
    await symlink(kept, join(folder, "link"));
    await mkdir(join(folder, "folder"));
    execFileSync("sh", ["-c", 'mkfifo "$1"', "sh", join(folder, "pipe")]);
    using readers = new FileReaders();
    const names = ["link", "folder", "pipe", "nothing", "kept\0"];
    using read = await readers.read([...names.map((name) => join(folder, name)), kept]);
    expect(read.contents.slice(0, -1)).toEqual([
      { reason: "ELOOP" },
      { reason: "it is not a file any more" },
      { reason: "it is not a file any more" },
      { reason: "ENOENT" },
      { reason: "ERR_INVALID_ARG_VALUE" },
    ]);
    expect(read.contents.at(-1)).toHaveLength(10);
  });

  it("ends an answer where there is no more room, and goes on when it is asked for the rest", async () => {
    const files = Object.fromEntries(
      Array.from({ length: FILES_AT_ONCE }, (_, at) => [`${at}`, new Uint8Array(smallObjectSizeBytes - 1).fill(at)]),
    );
    const paths = await write(files);
    using readers = new FileReaders();
    let seen = 0;
    while (seen < paths.length) {
      using read = await readers.read(paths.slice(seen));
      expect(read.contents.length).toBeGreaterThan(1);
      expect(read.contents.length).toBeLessThan(FILES_AT_ONCE);
      for (const content of read.contents) {
        expect(Buffer.compare(content as Uint8Array, files[`${seen}`]!)).toBe(0);
        seen++;
      }
    }
  });

  it("keeps the bytes of an answer until it is given back, whatever is asked meanwhile", async () => {
    const paths = await write(Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`${at}`, seededBytes(at, 50)])));
    using readers = new FileReaders();
    const reads = await Promise.all(paths.map((path) => readers.read([path])));
    for (const [at, read] of reads.entries()) {
      expect(Buffer.compare(read.contents[0] as Uint8Array, seededBytes(at, 50))).toBe(0);
    }
    for (const read of reads) read[Symbol.dispose]();
    using again = await readers.read([paths[3]!]);
    const rooms = reads.map(({ contents }) => (contents[0] as Uint8Array).buffer);
    expect(rooms).toContain((again.contents[0] as Uint8Array).buffer);
    expect(new Set(rooms).size).toBe(8);
  });

  it("fails what is unanswered when it is ended", async () => {
    const readers = new FileReaders();
    const asked = readers.read([join(folder, "file")]);
    readers[Symbol.dispose]();
    await expect(asked).rejects.toMatchObject({ code: "TWIN_HOST_INTERNAL" });
  });
});
