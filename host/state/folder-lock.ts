// One host per folder: an exclusive lock that dies with its process, also by kill -9.

import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { TwinError } from "../base/errors.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

const LOCK_FILE = "host.lock";

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
      throw new TwinError("TWIN_HOST_BUSY", `A host already runs on ${path}. Stop it first.`, {}, thrown);
    }
    throw failure;
  }
  const held = database;
  // The process holds it until then, also when nobody keeps the result: a database that is collected is closed.
  const release = (): void => {
    process.off("exit", release);
    if (held.isOpen) held.close();
  };
  process.once("exit", release);
  return { [Symbol.dispose]: release };
}
