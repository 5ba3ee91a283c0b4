// The state files that nobody writes and that are being read, few at a time. Such a reader needs no lock, and no log
// beside the file, of which each writer has one made.

import { statSync } from "node:fs";
import { LIMITS } from "../base/limits.ts";
import { RestingTable } from "./resting-table.ts";

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
  readonly #tables = new Map<string, RestingTable>();

  /** The table in that file, which was made by the statement `sql` (ASCII); it is opened when it is not. Good until the next call. Throws as {@link RestingTable} does. */
  open(path: string, sql: Uint8Array): RestingTable {
    const known = this.#tables.get(path);
    if (known !== undefined) this.#tables.delete(path);
    else if (this.#tables.size >= LIMITS.state.readerCount) this.close(this.#tables.keys().next().value!);
    const table = known ?? new RestingTable(path, sql);
    this.#tables.set(path, table);
    return table;
  }

  /** Closes the reader of a file, if it has one. */
  close(path: string): void {
    this.#tables.get(path)?.close();
    this.#tables.delete(path);
  }

  [Symbol.dispose](): void {
    for (const path of this.#tables.keys()) this.close(path);
  }
}
