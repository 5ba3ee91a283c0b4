// A directory of shards on a disk that comes and goes. A file in it says that the disk is there: without it the folder
// is an empty mount point, from which nothing may be concluded, and into which nothing may be written.

import { access, mkdir, open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TwinError } from "../base/errors.ts";
import { syncFolder } from "../base/sync-folder.ts";
import { openDirectoryShardStore } from "./directory-shard-store.ts";
import type { ShardStore } from "./shard-store.ts";

const SIGN = "twin-store";
/** Of the folders that a directory store makes: docs/formats/vault.md, "Directory store". */
const SHARD_FOLDER_PREFIX = "s-";
const SIGN_TEXT =
  "Sealed data of a digital twin. While this file is missing, its host takes the folder for the empty mount point of a disk.\n";

/** A store over the directory `path` that fails while its disk is away. `claim` takes an empty or absent folder into use. */
export function openMountedShardStore(place: {
  readonly name: string;
  readonly domain: string;
  readonly path: string;
}): ShardStore {
  const { name, domain, path } = place;
  let opened: Promise<ShardStore> | undefined;

  /** Throws `TWIN_STORE_FAILED` while the disk is away. */
  async function requireDisk(): Promise<void> {
    if (await isReadable(join(path, SIGN))) return;
    // Filled by a build that wrote no sign.
    const entries = await readdir(path).catch((): string[] => []);
    if (entries.some((entry) => entry.startsWith(SHARD_FOLDER_PREFIX))) {
      // A disk that takes no writes is there all the same.
      await sign(path).catch(() => {});
      return;
    }
    throw new TwinError(
      "TWIN_STORE_FAILED",
      `Nothing of store ${name} is at ${path}: mount its disk. If that is gone for good: twin store keep ${name} takes the folder as a new one.`,
      { store: name },
    );
  }

  async function inner(): Promise<ShardStore> {
    if (opened === undefined) await requireDisk();
    return await (opened ??= openDirectoryShardStore(place));
  }

  /** That something is absent means nothing while the disk is. */
  async function orAway<T>(found: T | undefined): Promise<T | undefined> {
    if (found === undefined) await requireDisk();
    return found;
  }

  return {
    name,
    domain,
    async claim() {
      if (await isReadable(join(path, SIGN))) return;
      try {
        const made = (await mkdir(path, { recursive: true, mode: 0o700 })) ?? "";
        await sign(path);
        // Each folder that got a new entry.
        if (made !== "") for (let at = path; at.length >= made.length; at = dirname(at)) await syncFolder(dirname(at));
      } catch (cause) {
        throw new TwinError(
          "TWIN_STORE_FAILED",
          `Store ${name} cannot use ${path}: check the folder.`,
          { store: name },
          cause,
        );
      }
    },
    async put(shard, data) {
      const store = await inner();
      await requireDisk();
      await store.put(shard, data);
    },
    get: async (shard, range) => orAway(await (await inner()).get(shard, range)),
    stat: async (shard) => orAway(await (await inner()).stat(shard)),
    async delete(shard) {
      const store = await inner();
      await requireDisk();
      await store.delete(shard);
    },
    async *list() {
      const store = await inner();
      await requireDisk();
      yield* store.list();
    },
  };
}

function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function sign(folder: string): Promise<void> {
  await using file = await open(join(folder, SIGN), "w", 0o600);
  await file.writeFile(SIGN_TEXT);
  await file.datasync();
  await syncFolder(folder);
}
