// A directory as a place for shards. Shards stand under their final name from the first byte: they verify
// themselves, so a torn one is found. The directory may vanish at any moment; a put brings it back.

import { close, constants, fstat, open as openFile, read as readFile } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm, stat as statFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { promisify } from "node:util";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { syncFolder } from "../base/sync-folder.ts";
import { beginsAtPage, PAGE_SIZE } from "./page-memory.ts";
import { checkShardName, isShardName } from "./shard-name.ts";
import type { ShardRange, ShardStat, ShardStore } from "./shard-store.ts";

// A short read is made of these: a handle costs it a tenth more, and twice the garbage.
const [openDescriptor, readDescriptor, statDescriptor] = [promisify(openFile), promisify(readFile), promisify(fstat)];
const { O_CREAT, O_DIRECT, O_WRONLY } = constants;
/** Less is not worth a second descriptor. */
const DIRECT_SIZE = 262_144;
/** Folder and file are decorated, so that no name (`..`, `.`) can mean another place. */
const FOLDER_PREFIX = "s-";
const FILE_SUFFIX = ".shard";

/** A store over the directory `path`, which need not exist. `domain` is what fails together with it. */
export async function openDirectoryShardStore(options: {
  readonly name: string;
  readonly domain: string;
  readonly path: string;
}): Promise<ShardStore> {
  const { name, domain, path } = options;
  // Names are checked: nothing in them is to be resolved, each time anew.
  const prefix = join(path, FOLDER_PREFIX);
  const folderOf = (shard: string): string => prefix + checkShardName(shard).slice(0, 2);
  const fileOf = (shard: string): string => folderOf(shard) + sep + shard + FILE_SUFFIX;
  const run = <T>(operation: Promise<T>): Promise<T> => operation.catch((cause: unknown) => fail(name, cause));
  const writeDurably = createDurableWriter();

  // One that cannot be made now may be a disk that is away: its store fails, not the host.
  await makeFolder(path).catch(() => {});
  return {
    name,
    domain,
    async put(shard, data) {
      const file = fileOf(shard);
      await run(writeDurably(folderOf(shard), file, data));
    },
    async get(shard, range) {
      const file = fileOf(shard);
      return run(readRange(file, range));
    },
    async stat(shard) {
      const file = fileOf(shard);
      const found = await run(orAbsent(statFile(file)));
      return found === undefined ? undefined : { name: shard, sizeBytes: found.size };
    },
    async delete(shard) {
      const file = fileOf(shard);
      await run(rm(file, { force: true }));
    },
    async *list() {
      for (const folder of await run(entries(path))) {
        if (folder.startsWith(FOLDER_PREFIX)) yield* listFolder(join(path, folder), run);
      }
    },
  };
}

async function* listFolder(
  folder: string,
  run: <T>(operation: Promise<T>) => Promise<T>,
): AsyncGenerator<ShardStat, void, undefined> {
  for (const file of await run(entries(folder))) {
    const shard = file.slice(0, -FILE_SUFFIX.length);
    if (!file.endsWith(FILE_SUFFIX) || !isShardName(shard)) continue;
    const found = await run(orAbsent(statFile(join(folder, file))));
    if (found !== undefined) yield { name: shard, sizeBytes: found.size };
  }
}

/**
 * Writes and syncs files, each with the folder that names it. A folder that is missing is made: mostly it is there.
 * What is large and begins at a page goes past the page cache, where that can be: to copy it there takes more CPU than
 * to compute it, and all of it must reach the disk now anyway. The rest of it, less than a page, goes as all else does.
 */
function createDurableWriter(): (folder: string, file: string, data: Uint8Array) => Promise<void> {
  let canBeDirect = true;

  const writeDirectly = async (file: string, data: Uint8Array): Promise<boolean> => {
    try {
      await using handle = await open(file, O_WRONLY | O_CREAT | O_DIRECT, 0o600);
      await writeAll(handle, data);
      return true;
    } catch (cause) {
      // Not every file system can, and not every one says so at once.
      if (codeOf(cause) !== "EINVAL" && codeOf(cause) !== "EOPNOTSUPP") throw cause;
      canBeDirect = false;
      return false;
    }
  };
  const write = async (folder: string, file: string, data: Uint8Array): Promise<void> => {
    const wholePages = data.length - (data.length % PAGE_SIZE);
    const isLarge = canBeDirect && data.length >= DIRECT_SIZE && beginsAtPage(data);
    const from = isLarge && (await writeDirectly(file, data.subarray(0, wholePages))) ? wholePages : 0;
    // Not truncated first: good bytes that are written once more stay readable meanwhile.
    await using handle = await open(file, O_WRONLY | O_CREAT, 0o600);
    await writeAll(handle, data, from);
    if ((await handle.stat()).size !== data.length) await handle.truncate(data.length);
    await handle.datasync();
    await syncFolder(folder);
  };
  return async (folder, file, data) => {
    try {
      await write(folder, file, data);
    } catch (cause) {
      if (!isAbsence(cause)) throw cause;
      await makeFolder(folder);
      await write(folder, file, data);
    }
  };
}

async function writeAll(handle: FileHandle, data: Uint8Array, from = 0): Promise<void> {
  for (let written = from; written < data.length;) {
    written += (await handle.write(data, written, data.length - written, written)).bytesWritten;
  }
}

async function readRange(file: string, range: ShardRange = {}): Promise<Uint8Array | undefined> {
  const opened = await orAbsent(openDescriptor(file, "r"));
  if (opened === undefined) return undefined;
  try {
    const offset = range.offset ?? 0;
    // Who asks knows how much there should be: asking the disk first is one more trip.
    const sizeBytes = range.sizeBytes ?? Math.max(0, (await statDescriptor(opened)).size - offset);
    const bytes = roomFor(Math.min(sizeBytes, LIMITS.vault.storeAnswerSizeBytes), range.into);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await readDescriptor(opened, bytes, filled, bytes.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    // Nothing was written: nobody needs to wait for this.
    close(opened, () => {});
  }
}

function roomFor(sizeBytes: number, into: ShardRange["into"]): Uint8Array {
  return into !== undefined && into.length >= sizeBytes ? into.subarray(0, sizeBytes) : new Uint8Array(sizeBytes);
}

/** Makes the folder and what is missing above it, and syncs each folder that got a new entry. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function entries(folder: string): Promise<string[]> {
  return (await orAbsent(readdir(folder))) ?? [];
}

async function orAbsent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (cause) {
    if (isAbsence(cause)) return undefined;
    throw cause;
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
}

function isAbsence(cause: unknown): boolean {
  return codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR";
}

function fail(store: string, cause: unknown): never {
  const reason = codeOf(cause);
  if (reason === "ENOSPC" || reason === "EDQUOT") {
    throw new TwinError("TWIN_STORE_FULL", `Store ${store} is full: free space on its disk.`, { store }, cause);
  }
  throw new TwinError("TWIN_STORE_FAILED", `Store ${store} failed (${reason}): check its folder.`, { store }, cause);
}
