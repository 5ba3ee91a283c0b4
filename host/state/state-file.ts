// One SQLite file with one table of sealed values: opening, judging, reading and writing its rows.
// What is durable when is decided by who uses it. Layout in docs/formats/state.md.

import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { fileFailure } from "./file-failure.ts";
import type { RestingTable, SealedEntry } from "./resting-table.ts";
import { createValueSeal, SEAL_OVERHEAD, type ValueSeal } from "./sealed-value.ts";
import { sqliteFailure, stateBroken } from "./sqlite-failure.ts";
import type { StateEntry, StateKey, StateRange, StateWrite } from "./state-store.ts";
import { isAtRest, type TableReaders } from "./table-readers.ts";

/** "twin" in ASCII: SQLite's application id, which `file` and others show. */
const APPLICATION_ID = 0x7477696e;
const FORMAT_VERSION = 1;
const SCHEMA =
  "CREATE TABLE entry (namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID";
const SCHEMA_BYTES = utf8Encode(SCHEMA);
const GET = "SELECT value FROM entry WHERE namespace = ? AND key = ?";
const PUT =
  "INSERT INTO entry (namespace, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
const DELETE = "DELETE FROM entry WHERE namespace = ? AND key = ?";
const NEXT_NAMESPACE = "SELECT namespace FROM entry WHERE namespace > ? ORDER BY namespace LIMIT 1";
const SIZE = "SELECT length(value) AS size FROM entry WHERE namespace = ? AND key = ?";
const SUM = `SELECT total(length(key) + length(value) - ${SEAL_OVERHEAD}) AS size FROM entry WHERE namespace = ?`;
/** The store's own rows live in a namespace that callers cannot name. */
const OWN = "";
const CHECK: StateKey = { namespace: OWN, key: utf8Encode("check") };
const CHECK_VALUE = utf8Encode("twin state 1");

/** What opening a state file needs. */
export interface StateFileOptions {
  /** The file; its folder must exist. */
  readonly path: string;
  /** 32 bytes. Copied. */
  readonly key: Uint8Array;
  /** Id of the twin that the file belongs to: part of every seal. */
  readonly twin: string;
  readonly kernels: Pick<Kernels, "open" | "xchacha20poly1305">;
  readonly random: Random;
  /**
   * For a file that this process has opened before, and that nobody else can have opened since: it is not judged
   * again, and opened for writing only when something is written. Absent: at once.
   */
  readonly readers?: TableReaders | undefined;
  /**
   * Which version of its rows the user of the file writes, so that a host that would misread them refuses it; 1 when
   * absent. A file of an older one is taken over, and says so from then on.
   */
  readonly version?: number | undefined;
  /** What the owner is told to do when the file is broken. Absent: to restore it from a backup. */
  readonly remedy?: string | undefined;
}

/**
 * Opens the state file, or creates it when it is absent. Throws `TWIN_STATE_BROKEN` when the file is
 * no state file, is damaged, or belongs to another twin or key (and then changes nothing),
 * `TWIN_HOST_BUSY` when it is open elsewhere, `TWIN_HOST_FOLDER` when it cannot be written.
 */
export function openStateFile(options: StateFileOptions): StateFile {
  const { path, readers, remedy, version = FORMAT_VERSION } = options;
  const seal = createValueSeal(options);
  const about = { path, remedy };
  if (readers !== undefined && isAtRest(path)) {
    const openWriter = (): DatabaseSync => guarded(about, () => openForWriting(path));
    const file = new StateFile({ ...about, seal, readers, openWriter });
    checkOwner(about, () => file.get(CHECK));
    return file;
  }
  const writer = guarded(about, () => openJudged({ ...about, seal, version }));
  return new StateFile({ ...about, seal, writer });
}

/** A file, and what to say of it. */
type AboutFile = Pick<StateFileOptions, "path" | "remedy">;

/** Takes the lock, and has the log made. */
function openForWriting(path: string): DatabaseSync {
  const database = openDatabase(path);
  try {
    readSchema(database);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** What `open` opens; throws what goes wrong in our words. */
function guarded<Opened>({ path, remedy }: AboutFile, open: () => Opened): Opened {
  try {
    return open();
  } catch (thrown) {
    if (thrown instanceof TwinError) throw thrown;
    throw sqliteFailure(fileFailure(thrown, path), path, remedy);
  }
}

interface JudgedFile extends AboutFile {
  readonly seal: ValueSeal;
  readonly version: number;
}

function openJudged(file: JudgedFile): DatabaseSync {
  const { path } = file;
  // SQLite itself would create the file readable by all. An existing one is not touched: closing any
  // descriptor of a file drops the locks that this process holds on it.
  if (!existsSync(path)) closeSync(openSync(path, "ax", 0o600));
  const database = openDatabase(path);
  try {
    const schema = readSchema(database);
    if (isFresh(database, schema)) createTables(database, file);
    else if (checkTables({ database, schema, ...file }) < file.version) {
      database.exec(`PRAGMA user_version = ${file.version}`);
    }
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0, enableDoubleQuotedStringLiterals: false, defensive: true });
  try {
    // One writer for life: the exclusive mode keeps WAL's index in memory and a second host out.
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -${LIMITS.state.cacheSizeBytes / 1024}; PRAGMA synchronous = FULL`);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

/** The first access, which takes the lock and reads the header: a file of another kind fails here, untouched. */
function readSchema(database: DatabaseSync): readonly unknown[] {
  return database
    .prepare("SELECT sql FROM sqlite_schema")
    .all()
    .map(({ sql }) => sql);
}

function isFresh(database: DatabaseSync, schema: readonly unknown[]): boolean {
  return schema.length === 0 && pragma(database, "application_id") === 0;
}

function createTables(database: DatabaseSync, { seal, version }: JudgedFile): void {
  database.exec(`PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${version}; ${SCHEMA}`);
  database
    .prepare("INSERT INTO entry (namespace, key, value) VALUES (?, ?, ?)")
    .run(CHECK.namespace, CHECK.key, seal.seal(CHECK, CHECK_VALUE));
  database.exec("COMMIT");
}

interface FoundTables extends JudgedFile {
  readonly database: DatabaseSync;
  readonly schema: readonly unknown[];
}

/** Everything here only reads. Answers the version of the rows. */
function checkTables({ database, schema, ...file }: FoundTables): number {
  const { path, remedy, seal } = file;
  if (pragma(database, "application_id") !== APPLICATION_ID || schema.length !== 1 || schema[0] !== SCHEMA) {
    throw stateBroken(path, "it is a database of something else", undefined, remedy);
  }
  const version = pragma(database, "user_version");
  if (typeof version !== "number" || version < FORMAT_VERSION || version > file.version) {
    const why = `its format is version ${String(version)}, and this host reads version ${file.version}`;
    throw stateBroken(path, why, undefined, remedy);
  }
  if (statSync(path).size <= LIMITS.state.checkAtOpenSizeBytes && pragma(database, "quick_check") !== "ok") {
    throw stateBroken(path, "it is damaged", undefined, remedy);
  }
  const row = database.prepare(GET).get(OWN, CHECK.key);
  checkOwner(file, () => seal.open(CHECK, row?.["value"] as Uint8Array));
  return version;
}

/** `read` opens a value whose seal holds for the file's twin and key alone. */
function checkOwner({ path, remedy }: AboutFile, read: () => unknown): void {
  try {
    read();
  } catch (thrown) {
    throw stateBroken(path, "it belongs to another twin or another key", thrown, remedy);
  }
}

/** What a {@link StateFile} is made of. */
interface StateFileParts extends AboutFile {
  readonly seal: ValueSeal;
  /** Open for writing; absent: it is read by `readers` until `openWriter` opens one. */
  readonly writer?: DatabaseSync | undefined;
  readonly readers?: TableReaders | undefined;
  readonly openWriter?: (() => DatabaseSync) | undefined;
}

/** An open state file. Everything is synchronous and throws what SQLite reports in our words. */
export class StateFile {
  readonly path: string;
  readonly #parts: StateFileParts;
  readonly #seal: ValueSeal;
  #writer: DatabaseSync | undefined;
  #isOpen = true;
  /** How the writer is to write. */
  #settings = "";
  /** The writer's by their SQL, made when they are first needed: many files are opened for a few reads. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(parts: StateFileParts) {
    this.#parts = parts;
    this.path = parts.path;
    this.#seal = parts.seal;
    this.#writer = parts.writer;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it is open for writing. */
  get isWriting(): boolean {
    return this.#writer !== undefined;
  }

  get inTransaction(): boolean {
    return this.#writer?.isTransaction === true;
  }

  /** The opened value. Throws `TWIN_STATE_BROKEN` when its seal does not hold. */
  get(at: StateKey): Uint8Array | undefined {
    return this.#guard(() => {
      const table = this.#resting();
      const sealed = table === undefined ? this.#statement(GET).get(at.namespace, at.key)?.["value"] : table.get(at);
      return sealed === undefined ? undefined : this.#open(at, sealed as Uint8Array);
    });
  }

  scan(range: StateRange): StateEntry[] {
    return this.scanSealed(range).map((entry) => this.open(range.namespace, entry));
  }

  /** The same with values as they lie, for who may not need them all. */
  scanSealed(range: StateRange): SealedEntry[] {
    return this.#guard(() => {
      const table = this.#resting();
      if (table !== undefined) return table.scan(range);
      const statement = this.#statement(scanOf(range));
      const bounds = range.end === undefined ? [range.start] : [range.start, range.end];
      // The columns are those of an entry.
      return statement.all(range.namespace, ...bounds, range.limit) as unknown as SealedEntry[];
    });
  }

  /** The entry with its opened value. Throws `TWIN_STATE_BROKEN` when its seal does not hold. */
  open(namespace: string, { key, value }: SealedEntry): StateEntry {
    return { key, value: this.#open({ namespace, key }, value) };
  }

  /** Namespaces with rows, ascending. */
  namespaces(): string[] {
    return this.#guard(() => {
      const table = this.#resting();
      const names: string[] = [];
      for (let name: string | undefined = OWN; ; names.push(name)) {
        name =
          table === undefined
            ? (this.#statement(NEXT_NAMESPACE).get(name)?.["namespace"] as string | undefined)
            : table.nextNamespace(name);
        if (name === undefined) return names;
      }
    });
  }

  /** Bytes of key and (unsealed) value; 0 when absent. */
  rowSizeBytes(at: StateKey): number {
    return this.#guard(() => {
      const table = this.#resting();
      const size =
        table === undefined ? this.#statement(SIZE).get(at.namespace, at.key)?.["size"] : table.sizeBytes(at);
      return size === undefined ? 0 : at.key.length + (size as number) - SEAL_OVERHEAD;
    });
  }

  /** Bytes of the keys and (unsealed) values of a namespace, all of which are looked at. Opens the file for writing. */
  namespaceSizeBytes(namespace: string): number {
    return this.#guard(() => {
      this.#writable();
      return this.#statement(SUM).get(namespace)?.["size"] as number;
    });
  }

  /** Writes one row, within a transaction or as one of its own. */
  write({ namespace, key, value }: StateWrite): void {
    this.#guard(() => {
      if (value === undefined) this.#write(DELETE, namespace, key);
      else this.#write(PUT, namespace, key, this.#seal.seal({ namespace, key }, value));
    });
  }

  /** A number that the store keeps beside the rows, as of the last transaction; 0 when absent. */
  ownNumber(name: string): number {
    const value = this.get(ownKey(name));
    return value === undefined ? 0 : (jsonDecode(value) as number);
  }

  setOwnNumber(name: string, value: number): void {
    this.write({ ...ownKey(name), value: jsonEncode(value) });
  }

  /** Runs SQL without parameters, which opens the file for writing. */
  exec(sql: string): void {
    this.#guard(() => this.#writable().exec(sql));
  }

  /** Sets how it writes from now on, whenever it is opened for that. */
  setUp(pragmas: string): void {
    this.#settings = pragmas;
    if (this.#writer !== undefined) this.exec(pragmas);
  }

  /** Opens it for writing, if it is not. Throws as {@link openStateFile}. */
  openForWriting(): void {
    this.#guard(() => this.#writable());
  }

  /** Ends a transaction that SQLite has not ended by itself, without a trace. */
  rollBack(): void {
    if (this.#writer?.isTransaction === true) this.#writer.exec("ROLLBACK");
  }

  /** What was thrown, in our words if it is about the file. */
  failure(thrown: unknown): unknown {
    return sqliteFailure(thrown, this.path, this.#parts.remedy);
  }

  close(): void {
    this.#isOpen = false;
    this.#parts.readers?.close(this.path);
    this.#writer?.close();
  }

  /** Who reads the table; none once there is a writer: it has what its transaction has changed, and its log. */
  #resting(): RestingTable | undefined {
    if (this.#writer !== undefined) return undefined;
    if (!this.#isOpen) throw new TypeError(`The state file ${this.path} was closed.`);
    return this.#parts.readers!.open(this.path, SCHEMA_BYTES);
  }

  #write(sql: string, ...values: SQLInputValue[]): void {
    this.#writable();
    this.#statement(sql).run(...values);
  }

  #writable(): DatabaseSync {
    if (this.#writer !== undefined) return this.#writer;
    if (!this.#isOpen) throw new TypeError(`The state file ${this.path} was closed.`);
    // What it reads beside a writer would be what was there before.
    this.#parts.readers!.close(this.path);
    this.#writer = this.#parts.openWriter!();
    if (this.#settings !== "") this.#writer.exec(this.#settings);
    return this.#writer;
  }

  /** Of the writer. */
  #statement(sql: string): StatementSync {
    return this.#statements.getOrInsertComputed(sql, () => this.#writer!.prepare(sql));
  }

  #open(at: StateKey, sealed: Uint8Array): Uint8Array {
    try {
      return this.#seal.open(at, sealed);
    } catch (thrown) {
      const why = `a value in ${at.namespace} was changed from outside`;
      throw stateBroken(this.path, why, thrown, this.#parts.remedy);
    }
  }

  #guard<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (thrown) {
      throw this.failure(thrown);
    }
  }
}

const SCANS = {
  forward: scanSql("", "ASC"),
  forwardTo: scanSql("AND key < ?", "ASC"),
  back: scanSql("", "DESC"),
  backTo: scanSql("AND key < ?", "DESC"),
} as const;

function scanSql(end: string, order: string): string {
  return `SELECT key, value FROM entry WHERE namespace = ? AND key >= ? ${end} ORDER BY key ${order} LIMIT ?`;
}

function scanOf({ end, reverse }: StateRange): string {
  if (reverse === true) return end === undefined ? SCANS.back : SCANS.backTo;
  return end === undefined ? SCANS.forward : SCANS.forwardTo;
}

function ownKey(name: string): StateKey {
  return { namespace: OWN, key: utf8Encode(name) };
}
