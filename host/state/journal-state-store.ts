// A twin's state: the journal is the truth, a SQLite file is its image. A commit is durable with its
// record in the journal, visible at once through the overlay, and in the tables a little later.

import { compareBytes, concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Journal, JournalSource } from "./journal.ts";
import type { JournalRecord } from "./journal-form.ts";
import { createRecordSeal, decodeWrites, type RecordSeal, RecordWriter } from "./journal-record.ts";
import { keyOf, orderOf, Overlay, type OverlayRow, sizeOf, type TableLook, versionAt } from "./overlay.ts";
import { stateBroken } from "./sqlite-failure.ts";
import type { SealedEntry } from "./resting-table.ts";
import { openStateFile, type StateFile, type StateFileOptions } from "./state-file.ts";
import { checkKey, checkNamespace, checkRange } from "./state-key.ts";
import type { SnapshotStateStore, StateEntry, StateKey, StateRange, StateWrite } from "./state-store.ts";
import { TableApplier } from "./table-applier.ts";
import { ValueCache } from "./value-cache.ts";

/** What {@link openJournalStateStore} needs. */
export interface JournalStateOptions extends StateFileOptions {
  /** Stays open for at least as long as the store. */
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether somebody waits for an answer: what may be done later is. */
  readonly isBusy?: (() => boolean) | undefined;
  /** Told of each record when it is durable, in order: its number, and its writes as {@link decodeWrites} reads them, which are the listener's. */
  readonly onRecord?: ((sequence: number, writes: Uint8Array) => void) | undefined;
}

const PAGE_LENGTH = 64;
const ZERO = Uint8Array.of(0);

/** A store that can be put away while its journal stays open. */
export interface JournalStateStore extends SnapshotStateStore {
  /** Resolves when the tables have, also after the loss of power, all that was durable when it was asked. Rejects when they cannot take it now. */
  catchUp(): Promise<void>;
  /** Whether nothing is on its way, neither to the journal nor to the tables. */
  readonly isCaughtUp: boolean;
  /** Closes the file. What is on its way to the tables is written and synced here and now; nothing may be on its way to the journal. */
  close(): void;
}

/**
 * Opens the twin's state: its file, or a new one when it is absent. What the journal has beyond it is seen at once,
 * and reaches the tables a little later. Throws as `openStateFile` does, and `TWIN_STATE_BROKEN` when the journal does
 * not begin where the file ends: nothing is lost then, and it may be tried again.
 */
export function openJournalStateStore(options: JournalStateOptions): JournalStateStore {
  const { journal, twin, clock, log, isBusy } = options;
  const file = openStateFile(options);
  try {
    const seal = createRecordSeal(options);
    const records = journal.recovered(twin);
    // The journal is synced for us: SQLite need not, and what it has not on disk the journal still has.
    file.setUp("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
    const appliedSequence = file.ownNumber("applied");
    const missing = findMissing(file, records, appliedSequence);
    if ((missing.at(-1)?.sequence ?? appliedSequence) < journal.lastSequence(twin)) throw behind(file);
    const opened = missing.map((record) => ({ ...record, writes: openWrites(file, seal, record) }));
    const overlay = new Overlay();
    const onSynced = (sequence: number): void => journal.release(twin, sequence);
    const isSynced = records.length === 0;
    const { costs } = journal;
    const applier = new TableApplier({ file, overlay, clock, log, costs, isBusy, appliedSequence, onSynced, isSynced });
    const store = new Store({ file, seal, overlay, applier, journal, twin, onRecord: options.onRecord });
    for (const record of opened) store.recover(record);
    // Not before: who cannot be opened now finds them again when it is tried once more.
    journal.takeOver(twin);
    return store;
  } catch (thrown) {
    if (file.isOpen) file.close();
    throw thrown;
  }
}

/** The records that the tables do not have, in order and without gaps. */
function findMissing(file: StateFile, records: readonly JournalRecord[], applied: number): readonly JournalRecord[] {
  const missing = records.filter(({ sequence }) => sequence > applied);
  for (const [index, { sequence }] of missing.entries()) {
    const next = applied + 1 + index;
    if (sequence !== next) throw stateBroken(file.path, `the journal has no record ${next} for it`);
  }
  return missing;
}

/** To go on would be to give out numbers of records that the journal has already. */
function behind({ path }: StateFile): TwinError {
  return new TwinError(
    "TWIN_HOST_FOLDER",
    `The state file ${path} was closed before it had all that its journal has. Check its disk and start the host again: nothing is lost.`,
  );
}

function openWrites(
  file: StateFile,
  seal: RecordSeal,
  { sequence, sealed }: Omit<JournalRecord, "twin">,
): StateWrite[] {
  try {
    return decodeWrites(seal.open(sequence, sealed));
  } catch (thrown) {
    throw stateBroken(file.path, `the record ${sequence} of its journal was changed from outside`, thrown);
  }
}

/** Commits that become durable together. */
interface OpenRecord {
  readonly sequence: number;
  readonly durable: PromiseWithResolvers<void>;
  rowCount: number;
  /** What it says, for who listens. */
  writes?: Uint8Array;
  sizeBytes: number;
}

interface StoreParts {
  readonly file: StateFile;
  readonly seal: RecordSeal;
  readonly overlay: Overlay;
  readonly applier: TableApplier;
  readonly journal: Journal;
  readonly twin: string;
  readonly onRecord: JournalStateOptions["onRecord"];
}

class Store implements JournalStateStore, JournalSource {
  readonly durable: SnapshotStateStore["durable"];
  readonly #parts: StoreParts;
  readonly #writer = new RecordWriter();
  readonly #cache = new ValueCache();
  /** What gets a newer row is asked about: what was read of it is not true for long. */
  readonly #tables: TableLook = {
    rowSizeBytes: (at) => {
      this.#cache.forget(at);
      return this.#parts.file.rowSizeBytes(at);
    },
    scanSealed: (range) => this.#parts.file.scanSealed(range),
  };
  /** Sizes of namespaces as reads see them; loaded before a row of theirs is in the overlay. */
  readonly #sizes = new Map<string, number>();
  /** Collects until the journal draws it. */
  #open: OpenRecord | undefined;
  /** On its way to the disk. */
  #drawn: OpenRecord | undefined;
  #durableSequence: number;
  #companions: () => readonly StateWrite[] = () => [];
  #closed = false;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#durableSequence = parts.applier.appliedSequence;
    this.durable = {
      get: (at) => this.#get(at, this.#durableSequence),
      scan: (range) => this.#scan(range, this.#durableSequence),
    };
  }

  /** Takes in the next record, which the journal has and the tables have not. */
  recover({ sequence, sealed, writes }: JournalRecord & { readonly writes: readonly StateWrite[] }): void {
    const at = { sequence, durable: sequence };
    for (const write of writes) this.#putAt(write, at);
    this.#durableSequence = sequence;
    this.#parts.applier.add({ sequence, rowCount: writes.length, sizeBytes: sealed.length });
  }

  get(at: StateKey): Uint8Array | undefined {
    return this.#get(at, Infinity)?.slice();
  }

  scan(range: StateRange): StateEntry[] {
    return this.#scan(range, Infinity);
  }

  namespaces(): string[] {
    return [...new Set([...this.#parts.file.namespaces(), ...this.#sizes.keys()])].toSorted();
  }

  sizeBytes(namespace: string): number {
    checkNamespace(namespace);
    return this.#sizeOf(namespace);
  }

  commit(writes: readonly StateWrite[]): Promise<void> {
    for (const write of writes) checkWrite(write);
    if (writes.length === 0) return this.#last();
    this.#parts.applier.checkRoom();
    this.#parts.journal.costs?.add(writes);
    let record = this.#open;
    if (record === undefined) {
      const sequence = (this.#drawn?.sequence ?? this.#durableSequence) + 1;
      record = { sequence, rowCount: 0, durable: Promise.withResolvers(), sizeBytes: 0 };
      // Whoever committed hears of a failure; the record's own promise may have no listener left.
      record.durable.promise.catch(() => {});
      this.#open = record;
      this.#parts.journal.enlist(this);
    }
    for (const write of writes) this.#put(write, record);
    return record.durable.promise;
  }

  accompany(writes: () => readonly StateWrite[]): void {
    this.#companions = writes;
  }

  draw(): JournalRecord {
    const record = this.#open!;
    for (const write of this.#companions()) this.#put(write, record);
    [this.#drawn, this.#open] = [record, undefined];
    const { sequence } = record;
    const writes = this.#writer.take();
    record.sizeBytes = writes.length;
    if (this.#parts.onRecord !== undefined) record.writes = writes.slice();
    return { twin: this.#parts.twin, sequence, sealed: this.#parts.seal.seal(sequence, writes) };
  }

  settle(error?: unknown): void {
    const record = this.#drawn!;
    this.#drawn = undefined;
    if (error !== undefined) return this.#fail(record, error);
    this.#durableSequence = record.sequence;
    record.durable.resolve();
    if (record.writes !== undefined) this.#parts.onRecord?.(record.sequence, record.writes);
    this.#parts.applier.add(record);
  }

  hurry(): void {
    if (!this.#closed) this.#parts.applier.hurry();
  }

  async catchUp(): Promise<void> {
    await this.#last();
    await this.#parts.applier.catchUp();
  }

  get isCaughtUp(): boolean {
    return this.#open === undefined && this.#drawn === undefined && this.#parts.applier.isCaughtUp;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { applier } = this.#parts;
    try {
      if (!applier.isCaughtUp) applier.finish();
    } finally {
      applier.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last().catch(() => {});
    try {
      this.close();
    } catch (thrown) {
      // Whoever opens it next must find what its tables did not take.
      await this.#parts.journal.recall(this.#parts.twin);
      throw thrown;
    }
  }

  /** When everything that was committed so far is durable. */
  #last(): Promise<void> {
    return (this.#open ?? this.#drawn)?.durable.promise ?? Promise.resolve();
  }

  #put(write: StateWrite, record: OpenRecord): void {
    // One copy of the value for the record and for the overlay.
    const value = this.#writer.add(write);
    const { namespace, key } = write;
    this.#putAt({ namespace, key, value }, { sequence: record.sequence, durable: this.#durableSequence });
    record.rowCount += 1;
  }

  #putAt(write: StateWrite, at: { readonly sequence: number; readonly durable: number }): void {
    const { namespace, key, value } = write;
    const before = this.#sizeOf(namespace);
    const sizeBefore = this.#parts.overlay.put(write, at, this.#tables);
    this.#sizes.set(namespace, before - sizeBefore + sizeOf(key.length, value));
  }

  /** Neither this record nor what was built on it takes effect. */
  #fail(record: OpenRecord, error: unknown): void {
    const open = this.#open;
    this.#open = undefined;
    this.#writer.take();
    this.#parts.overlay.dropAfter(this.#durableSequence, (namespace, before, now) => {
      this.#sizes.set(namespace, this.#sizeOf(namespace) - before + now);
    });
    record.durable.reject(error);
    open?.durable.reject(error);
  }

  #sizeOf(namespace: string): number {
    return this.#sizes.getOrInsertComputed(namespace, () => this.#parts.file.ownNumber(`size:${namespace}`));
  }

  /** Not a copy. */
  #get(at: StateKey, sequence: number): Uint8Array | undefined {
    checkKey(at);
    const row = this.#parts.overlay.find(at);
    if (row === undefined) return this.#read(at);
    const version = versionAt(row, sequence);
    return version === undefined ? this.#parts.file.get(at) : version.value;
  }

  /** What the tables say of a key without a newer row. */
  #read(at: StateKey): Uint8Array | undefined {
    const known = this.#cache.get(at);
    if (known !== undefined) return known;
    const value = this.#parts.file.get(at);
    if (value !== undefined) this.#cache.put(at, value);
    return value;
  }

  #scan(range: StateRange, sequence: number): StateEntry[] {
    checkRange(range);
    if (range.limit === 0) return [];
    const rows = visibleRows(this.#parts.overlay.rowsIn(range), sequence);
    let next = rows.next().value;
    if (next === undefined) return this.#parts.file.scan(range);
    const sign = range.reverse === true ? -1 : 1;
    const entries: StateEntry[] = [];
    const isFull = (): boolean => entries.length >= range.limit;
    /** Our rows that come before `order` (all of them without one). */
    const addBefore = (order?: string): void => {
      for (; next !== undefined && !isFull(); next = rows.next().value) {
        const { row, value } = next;
        if (order !== undefined && sign * compareText(row.order, order) >= 0) return;
        if (value !== undefined) entries.push({ key: keyOf(row.order), value: value.slice() });
      }
    };
    for (const entry of this.#pages(range)) {
      const order = orderOf(entry.key);
      addBefore(order);
      if (isFull()) return entries;
      // A row of ours replaces the tables' own; it is added before the next one.
      if (next?.row.order !== order) entries.push(this.#parts.file.open(range.namespace, entry));
      if (isFull()) return entries;
    }
    addBefore();
    return entries;
  }

  /** The tables' own entries, a page at a time: how many are needed is known only while merging. */
  *#pages(range: StateRange): Generator<SealedEntry, void> {
    let { start, end } = range;
    for (;;) {
      const limit = Math.min(range.limit, PAGE_LENGTH);
      const page = this.#parts.file.scanSealed({ ...range, start, end, limit });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < limit) return;
      if (range.reverse === true) end = last.key;
      else start = concatBytes(last.key, ZERO);
      if (end !== undefined && compareBytes(start, end) >= 0) return;
    }
  }
}

interface VisibleRow {
  readonly row: OverlayRow;
  readonly value: Uint8Array | undefined;
}

/** The rows that are newer than the tables as of `sequence`. */
function* visibleRows(rows: Iterable<OverlayRow>, sequence: number): Generator<VisibleRow, undefined> {
  for (const row of rows) {
    const version = versionAt(row, sequence);
    if (version !== undefined) yield { row, value: version.value };
  }
  return undefined;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function checkWrite(write: StateWrite): void {
  checkKey(write);
  if (write.value !== undefined && !(write.value instanceof Uint8Array)) {
    throw new TypeError("A value is a Uint8Array, or undefined to delete.");
  }
}
