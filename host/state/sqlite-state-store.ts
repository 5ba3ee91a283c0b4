// A twin's state in one SQLite file: one table of sealed values, every commit synced before it is
// acknowledged. Layout in docs/formats/state.md.

import { closeSync, openSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { createValueSeal, SEAL_OVERHEAD, type ValueSeal } from "./sealed-value.ts";
import { sqliteFailure, stateBroken } from "./sqlite-failure.ts";
import type { StateEntry, StateKey, StateRange, StateStore, StateWrite } from "./state-store.ts";

/** "twin" in ASCII: SQLite's application id, which `file` and others show. */
const APPLICATION_ID = 0x7477696e;
const FORMAT_VERSION = 1;
const SCHEMA =
  "CREATE TABLE entry (namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID";
/** The store's own rows live in a namespace that callers cannot name. */
const OWN = "";
const CHECK: StateKey = { namespace: OWN, key: utf8Encode("check") };
const CHECK_VALUE = utf8Encode("twin state 1");

/** What {@link openSqliteStateStore} needs. */
export interface SqliteStateOptions {
  /** The file; its folder must exist. */
  readonly path: string;
  /** 32 bytes. Copied. */
  readonly key: Uint8Array;
  /** Id of the twin that the file belongs to: part of every seal. */
  readonly twin: string;
  readonly kernels: Pick<Kernels, "seal" | "open">;
  readonly random: Random;
}

/**
 * Opens the state file, or creates it when it is absent. Commits that are made in one turn of the
 * event loop share one transaction and one sync; each is still all or nothing.
 *
 * Throws `TWIN_STATE_BROKEN` when the file is no state file, is damaged, or belongs to another twin
 * or key (and then changes nothing), `TWIN_HOST_BUSY` when it is open elsewhere, `TWIN_HOST_FOLDER`
 * when it cannot be written.
 */
export async function openSqliteStateStore(options: SqliteStateOptions): Promise<StateStore> {
  const seal = createValueSeal(options);
  let database: DatabaseSync | undefined;
  try {
    // SQLite itself would create the file readable by all.
    closeSync(openSync(options.path, "a", 0o600));
    database = openDatabase(options.path);
    if (isFresh(database)) createTables(database, seal);
    else checkTables(database, options.path, seal);
    return new SqliteStateStore(database, options.path, seal);
  } catch (thrown) {
    database?.close();
    throw openFailure(thrown, options.path);
  }
}

function openFailure(thrown: unknown, path: string): unknown {
  if (thrown instanceof TwinError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ENOENT" || code === "EACCES" || code === "EROFS" || code === "EISDIR") {
    return new TwinError("TWIN_HOST_FOLDER", `Cannot read and write ${path}. Check the folder.`, {}, thrown);
  }
  return sqliteFailure(thrown, path);
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0, enableDoubleQuotedStringLiterals: false, defensive: true });
  try {
    // One writer for life: the exclusive mode keeps WAL's index in memory and a second host out.
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -${LIMITS.state.cacheSizeBytes / 1024}; PRAGMA synchronous = FULL`);
    // The first access that takes the lock and reads the header: a file of another kind fails here, untouched.
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function isFresh(database: DatabaseSync): boolean {
  const count = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"];
  return count === 0 && pragma(database, "application_id") === 0;
}

function createTables(database: DatabaseSync, seal: ValueSeal): void {
  database.exec(`PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${FORMAT_VERSION}; ${SCHEMA}`);
  database
    .prepare("INSERT INTO entry (namespace, key, value) VALUES (?, ?, ?)")
    .run(CHECK.namespace, CHECK.key, seal.seal(CHECK, CHECK_VALUE));
  database.exec("COMMIT");
}

/** Everything here only reads. */
function checkTables(database: DatabaseSync, path: string, seal: ValueSeal): void {
  const schema = database.prepare("SELECT sql FROM sqlite_schema").all();
  if (pragma(database, "application_id") !== APPLICATION_ID || schema.length !== 1 || schema[0]?.["sql"] !== SCHEMA) {
    throw stateBroken(path, "it is a database of something else");
  }
  const version = pragma(database, "user_version");
  if (version !== FORMAT_VERSION) {
    throw stateBroken(path, `its format is version ${String(version)}, and this host reads version ${FORMAT_VERSION}`);
  }
  if (statSync(path).size <= LIMITS.state.checkAtOpenSizeBytes && pragma(database, "quick_check") !== "ok") {
    throw stateBroken(path, "it is damaged");
  }
  const row = database.prepare("SELECT value FROM entry WHERE namespace = ? AND key = ?").get(OWN, CHECK.key);
  try {
    seal.open(CHECK, row?.["value"] as Uint8Array);
  } catch (thrown) {
    throw stateBroken(path, "it belongs to another twin or another key", thrown);
  }
}

class SqliteStateStore implements StateStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #seal: ValueSeal;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #size: StatementSync;
  readonly #scans: ReadonlyMap<string, StatementSync>;
  /** Sizes of the namespaces that were asked for; those with `changed` are written with the group. */
  readonly #sizes = new Map<string, { bytes: number; changed: boolean }>();
  /** The group that is being collected: its transaction is open. */
  #group: PromiseWithResolvers<void> | undefined;

  constructor(database: DatabaseSync, path: string, seal: ValueSeal) {
    this.#database = database;
    this.#path = path;
    this.#seal = seal;
    this.#get = database.prepare("SELECT value FROM entry WHERE namespace = ? AND key = ?");
    this.#put = database.prepare(
      "INSERT INTO entry (namespace, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    this.#delete = database.prepare("DELETE FROM entry WHERE namespace = ? AND key = ?");
    this.#size = database.prepare("SELECT length(value) AS size FROM entry WHERE namespace = ? AND key = ?");
    this.#scans = prepareScans(database);
  }

  get(at: StateKey): Uint8Array | undefined {
    checkKey(at);
    return this.#guard(() => this.#read(at));
  }

  scan(range: StateRange): StateEntry[] {
    if (!Number.isSafeInteger(range.limit) || range.limit < 0) throw new RangeError("A scan's limit is 0 or more.");
    checkNamespace(range.namespace);
    const statement = this.#scans.get(scanName(range.reverse === true, range.end !== undefined))!;
    return this.#guard(() => {
      const bounds = range.end === undefined ? [range.start] : [range.start, range.end];
      return statement.all(range.namespace, ...bounds, range.limit).map((row) => {
        const at = { namespace: range.namespace, key: row["key"] as Uint8Array };
        return { key: at.key, value: this.#open(at, row["value"] as Uint8Array) };
      });
    });
  }

  sizeBytes(namespace: string): number {
    checkNamespace(namespace);
    return this.#guard(() => this.#sizeOf(namespace).bytes);
  }

  commit(writes: readonly StateWrite[]): Promise<void> {
    for (const write of writes) checkKey(write);
    try {
      this.#guard(() => {
        if (this.#group === undefined) this.#beginGroup();
        this.#apply(writes);
      });
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return this.#group!.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#database.isOpen) return;
    this.#endGroup();
    this.#database.close();
  }

  #beginGroup(): void {
    this.#database.exec("BEGIN IMMEDIATE");
    const group = Promise.withResolvers<void>();
    // Whoever committed hears of a failure; the group's own promise may have no listener left.
    group.promise.catch(() => {});
    this.#group = group;
    queueMicrotask(() => {
      if (this.#group === group) this.#endGroup();
    });
  }

  #endGroup(): void {
    const group = this.#group;
    if (group === undefined) return;
    this.#group = undefined;
    try {
      this.#guard(() => {
        this.#writeSizes();
        this.#database.exec("COMMIT");
      });
      group.resolve();
    } catch (thrown) {
      this.#rollBack();
      group.reject(thrown);
    }
  }

  #rollBack(): void {
    this.#sizes.clear();
    // SQLite may have rolled back by itself already.
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  /** All of `writes` inside the group's transaction, or none of them. */
  #apply(writes: readonly StateWrite[]): void {
    const growth = new Map<string, number>();
    this.#database.exec("SAVEPOINT one");
    try {
      for (const write of writes) {
        growth.set(write.namespace, (growth.get(write.namespace) ?? 0) + this.#write(write));
      }
      this.#database.exec("RELEASE one");
    } catch (thrown) {
      if (this.#database.isTransaction) {
        this.#database.exec("ROLLBACK TO one; RELEASE one");
      } else {
        // A full disk makes SQLite drop the whole transaction, and with it the group.
        this.#group?.reject(sqliteFailure(thrown, this.#path));
        this.#group = undefined;
        this.#rollBack();
      }
      throw thrown;
    }
    for (const [namespace, bytes] of growth) {
      const size = this.#sizeOf(namespace);
      size.bytes += bytes;
      size.changed = true;
    }
  }

  /** Returns by how many bytes the namespace grew. */
  #write(write: StateWrite): number {
    const before = this.#size.get(write.namespace, write.key)?.["size"] as number | undefined;
    const freed = before === undefined ? 0 : write.key.length + before - SEAL_OVERHEAD;
    if (write.value === undefined) {
      if (before !== undefined) this.#delete.run(write.namespace, write.key);
      return -freed;
    }
    this.#put.run(write.namespace, write.key, this.#seal.seal(write, write.value));
    return write.key.length + write.value.length - freed;
  }

  #sizeOf(namespace: string): { bytes: number; changed: boolean } {
    let size = this.#sizes.get(namespace);
    if (size === undefined) {
      const value = this.#read(sizeKey(namespace));
      size = { bytes: value === undefined ? 0 : (jsonDecode(value) as number), changed: false };
      this.#sizes.set(namespace, size);
    }
    return size;
  }

  #writeSizes(): void {
    for (const [namespace, size] of this.#sizes) {
      if (!size.changed) continue;
      const at = sizeKey(namespace);
      this.#put.run(at.namespace, at.key, this.#seal.seal(at, jsonEncode(size.bytes)));
      size.changed = false;
    }
  }

  #read(at: StateKey): Uint8Array | undefined {
    const row = this.#get.get(at.namespace, at.key);
    return row === undefined ? undefined : this.#open(at, row["value"] as Uint8Array);
  }

  #open(at: StateKey, sealed: Uint8Array): Uint8Array {
    try {
      return this.#seal.open(at, sealed);
    } catch (thrown) {
      throw stateBroken(this.#path, `a value in ${at.namespace} was changed from outside`, thrown);
    }
  }

  #guard<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (thrown) {
      throw sqliteFailure(thrown, this.#path);
    }
  }
}

function prepareScans(database: DatabaseSync): Map<string, StatementSync> {
  const scans = new Map<string, StatementSync>();
  for (const reverse of [false, true]) {
    for (const bounded of [false, true]) {
      const end = bounded ? "AND key < ?" : "";
      const order = reverse ? "DESC" : "ASC";
      const sql = `SELECT key, value FROM entry WHERE namespace = ? AND key >= ? ${end} ORDER BY key ${order} LIMIT ?`;
      scans.set(scanName(reverse, bounded), database.prepare(sql));
    }
  }
  return scans;
}

function scanName(reverse: boolean, bounded: boolean): string {
  return `${reverse ? "reverse" : "forward"}-${bounded ? "bounded" : "open"}`;
}

function sizeKey(namespace: string): StateKey {
  return { namespace: OWN, key: utf8Encode(`size:${namespace}`) };
}

function checkNamespace(namespace: string): void {
  if (namespace === OWN) throw new RangeError("A namespace has a name.");
  if (namespace.length > LIMITS.state.namespaceLength) {
    throw new RangeError(`A namespace has at most ${LIMITS.state.namespaceLength} characters.`);
  }
}

function checkKey({ namespace, key }: StateKey): void {
  checkNamespace(namespace);
  if (key.length === 0 || key.length > LIMITS.state.keySizeBytes) {
    throw new RangeError(`A key has 1 to ${LIMITS.state.keySizeBytes} bytes, not ${key.length}.`);
  }
}
