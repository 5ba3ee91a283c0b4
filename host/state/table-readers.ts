// Reads state files that nobody writes. Such a reader needs no lock and no log beside the file: to open one costs a
// sixth of what a writer costs, of whom each has a file made and nearly two hundred kilobytes; and few stay open at once.

import { statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { LIMITS } from "../base/limits.ts";

interface Reader {
  readonly database: DatabaseSync;
  readonly statements: Map<string, StatementSync>;
}

/** Whether the file is there, and nothing of it is in a log: then it says everything. */
export function isAtRest(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined && !hasLog(path);
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** The readers of one worker. A file may be written only while its reader is closed. */
export class TableReaders implements Disposable {
  /** By the file's path; the least recently used first. */
  readonly #readers = new Map<string, Reader>();

  /** A statement on the file, which is opened when it is not. Good until the next call for another file. */
  prepare(path: string, sql: string): StatementSync {
    const reader = this.#take(path);
    return reader.statements.getOrInsertComputed(sql, () => reader.database.prepare(sql));
  }

  /** Closes the reader of a file, if it has one. */
  close(path: string): void {
    this.#readers.get(path)?.database.close();
    this.#readers.delete(path);
  }

  [Symbol.dispose](): void {
    for (const path of this.#readers.keys()) this.close(path);
  }

  #take(path: string): Reader {
    const known = this.#readers.get(path);
    if (known !== undefined) this.#readers.delete(path);
    else if (this.#readers.size >= LIMITS.state.readerCount) this.close(this.#readers.keys().next().value!);
    const reader = known ?? { database: openReader(path), statements: new Map<string, StatementSync>() };
    this.#readers.set(path, reader);
    return reader;
  }
}

function openReader(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  // Nobody changes the file under it: SQLite need not look for locks, nor for a log.
  url.search = "?mode=ro&immutable=1";
  const database = new DatabaseSync(url, {
    readOnly: true,
    timeout: 0,
    enableDoubleQuotedStringLiterals: false,
    defensive: true,
  });
  try {
    database.exec(`PRAGMA trusted_schema = OFF; PRAGMA cache_size = -${LIMITS.state.cacheSizeBytes / 1024}`);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}
