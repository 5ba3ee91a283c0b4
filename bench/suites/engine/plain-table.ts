// What durable work is measured against: one row, one transaction, one fsync, and nothing around it.

import { DatabaseSync } from "node:sqlite";

/** A table in an SQLite file. */
export interface PlainTable extends Disposable {
  /** Durable when it returns. */
  put(key: string, value: string): void;
}

/** Opens the file. */
export function openPlainTable(path: string): PlainTable {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.exec("CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;");
  const upsert = database.prepare(
    "INSERT INTO entries (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  return {
    put(key, value) {
      upsert.run(key, value);
    },
    [Symbol.dispose]: () => database.close(),
  };
}
