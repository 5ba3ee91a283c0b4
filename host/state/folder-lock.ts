// One host per folder: an exclusive lock that dies with its process, also by kill -9.

import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { TwinError } from "../base/errors.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

const LOCK_FILE = "host.lock";

/** The locks of this process. A database that nobody keeps would be collected, and closed with that. */
const held = new Set<DatabaseSync>();

/**
 * Locks the folder at `path`, which must exist, until the result is disposed or the process ends.
 * The lock is SQLite's own on an empty file in it, which the operating system drops with the
 * process. Throws `TWIN_HOST_BUSY` when it is held already, by this process or another, and
 * `TWIN_HOST_FOLDER` when the folder cannot be written.
 */
export function lockFolder(path: string): Disposable {
  const file = join(path, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // Without a journal, a lock that is never written to leaves one empty file and nothing else.
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (thrown) {
    database?.close();
    const failure = sqliteFailure(thrown, file);
    if (failure instanceof TwinError && failure.code === "TWIN_HOST_BUSY") {
      throw new TwinError(
        "TWIN_HOST_BUSY",
        `A host already runs on ${path}: use it (twin link), or stop it first.`,
        {},
        thrown,
      );
    }
    throw failure;
  }
  const locked = database;
  // One listener for all: Node warns of many.
  if (held.size === 0) process.on("exit", releaseAll);
  held.add(locked);
  return { [Symbol.dispose]: () => release(locked) };
}

function release(locked: DatabaseSync): void {
  if (!held.delete(locked)) return;
  if (held.size === 0) process.off("exit", releaseAll);
  locked.close();
}

function releaseAll(): void {
  for (const locked of held) release(locked);
}
