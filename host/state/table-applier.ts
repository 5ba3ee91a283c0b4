// Brings a twin's tables up to its journal, behind the commits: in slices, so that nobody waits long,
// within one transaction per pass, so that a page that many rows share is written once.

import { closeSync, fdatasync, fdatasyncSync, openSync, statSync } from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type Overlay, type OverlayRow, sizeOf, versionAt } from "./overlay.ts";
import type { StateFile } from "./state-file.ts";

const syncLater = promisify(fdatasync);

/** The rows that one durable record has written. */
export interface DurableRecord {
  readonly sequence: number;
  readonly rows: readonly OverlayRow[];
  /** Of the record as it was written. */
  readonly sizeBytes: number;
}

/** Not one record is known to be safe in the tables. */
const NEVER = -1;
/** What a row in memory needs besides its bytes, about. */
const ROW_OVERHEAD_BYTES = 256;
/** Beyond so much that waits the tables get more time than calls leave them by themselves. */
const PRESSURE_BYTES = LIMITS.state.waitingSizeBytes / 16;

/** What an applier is made of. */
export interface ApplierParts {
  readonly file: StateFile;
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether what the file has survives the loss of power. */
  readonly isSynced: boolean;
  /** The tables have all records up to this one, also after the loss of power. */
  readonly onSynced: (sequence: number) => void;
}

interface Pass {
  readonly records: readonly DurableRecord[];
  /** Of the last record. */
  readonly sequence: number;
  readonly growth: Map<string, number>;
  readonly written: Map<OverlayRow, { readonly sequence: number; readonly sizeBytes: number }>;
  /** Row of the first record that comes next. */
  nextRow: number;
  nextRecord: number;
}

/** Applies the records of one twin in order. Between two of its methods the tables are in a transaction, or not; reads see the same. */
export class TableApplier {
  readonly #parts: ApplierParts;
  /** The database and its write-ahead log, to sync. Closed after SQLite's own: closing one drops its locks. */
  readonly #descriptors: readonly number[];
  #waiting: DurableRecord[] = [];
  #waitingRows = 0;
  #waitingSizeBytes = 0;
  #pass: Pass | undefined;
  #scheduled: "no" | "soon" | "now" | "held" = "no";
  #appliedSequence: number;
  #syncedSequence: number;
  #failure: unknown;
  /** Whether the journal waits for what is applied to be safe. */
  #hurried = false;
  /** Who waits for everything to be safe. */
  #catchingUp: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
    const { path } = parts.file;
    this.#descriptors = [openSync(`${path}-wal`, "r+"), openSync(path, "r+")];
    this.#appliedSequence = parts.file.ownNumber("applied");
    this.#syncedSequence = parts.isSynced ? this.#appliedSequence : NEVER;
  }

  get appliedSequence(): number {
    return this.#appliedSequence;
  }

  /** Whether the tables have everything, and it is safe there. */
  get isCaughtUp(): boolean {
    const isIdle = this.#pass === undefined && this.#waiting.length === 0 && this.#scheduled !== "held";
    return isIdle && this.#syncedSequence === this.#appliedSequence;
  }

  /** Throws when so much waits that no more may be added: what the tables said, or `TWIN_CALL_QUEUE` when they are only slow. */
  checkRoom(): void {
    if (this.#waitingSizeBytes < LIMITS.state.waitingSizeBytes) return;
    throw this.#failure ?? new TwinError("TWIN_CALL_QUEUE", "The disk is slow. Call again a little later.");
  }

  /** Takes the next durable record; it is applied a little later. */
  add(record: DurableRecord): void {
    this.#waiting.push(record);
    this.#waitingRows += record.rows.length;
    this.#waitingSizeBytes += memoryOf(record);
    this.#schedule();
  }

  /** Makes what is applied safe soon. */
  hurry(): void {
    this.#hurried = true;
    this.#schedule();
  }

  /** Applies everything, in slices, and resolves when it is safe in the tables. Rejects when they cannot take it now. */
  catchUp(): Promise<void> {
    if (this.isCaughtUp) return Promise.resolve();
    this.#catchingUp ??= Promise.withResolvers<void>();
    const { promise } = this.#catchingUp;
    this.#schedule();
    return promise;
  }

  /** Applies and syncs everything now. */
  finish(): void {
    const [log, tables] = this.#descriptors as [number, number];
    // A checkpoint may be under way: what follows overwrites the log that it was made from.
    fdatasyncSync(tables);
    while (this.#pass !== undefined || this.#waiting.length > 0) {
      this.#pass ??= this.#begin();
      this.#write(this.#pass, Infinity);
      this.#commit(this.#pass);
    }
    fdatasyncSync(log);
    this.#checkpoint();
    fdatasyncSync(tables);
    this.#synced();
  }

  /** Closes the file; what was not applied stays in the journal. */
  close(): void {
    this.#closed = true;
    this.#catchingUp?.reject(new TwinError("TWIN_ABORTED", "The tables were closed."));
    this.#parts.file.close();
    for (const descriptor of this.#descriptors) closeSync(descriptor);
  }

  #schedule(): void {
    if (this.#scheduled === "held" || this.#scheduled === "now") return;
    const isWanted = this.#hurried || this.#catchingUp !== undefined;
    if (isWanted || this.#pass !== undefined || this.#waitingRows >= LIMITS.state.applyRowCount) {
      this.#scheduled = "now";
      setImmediate(() => this.#step());
    } else if (this.#scheduled === "no" && this.#waiting.length > 0) {
      this.#scheduled = "soon";
      void this.#stepLater();
    }
  }

  async #stepLater(): Promise<void> {
    await this.#parts.clock.sleep(LIMITS.state.applyDelayMs);
    if (this.#scheduled === "soon") this.#step();
  }

  #step(): void {
    if (this.#closed) return;
    this.#scheduled = "no";
    try {
      if (!this.#applySlice()) return this.#schedule();
      if (this.#isCheckpointDue()) return void this.#checkpointLater();
    } catch (thrown) {
      return this.#abandon(thrown);
    }
    this.#schedule();
  }

  /** Whether no transaction is open after it. */
  #applySlice(): boolean {
    if (this.#pass === undefined && this.#waiting.length === 0) return true;
    const pass = (this.#pass ??= this.#begin());
    const sliceMs = LIMITS.state.applySliceMs * Math.max(1, this.#waitingSizeBytes / PRESSURE_BYTES);
    if (!this.#write(pass, this.#parts.clock.elapsedMs() + sliceMs)) return false;
    this.#commit(pass);
    return true;
  }

  #isCheckpointDue(): boolean {
    if (this.#hurried || this.#logSizeBytes() > LIMITS.state.checkpointSizeBytes) return true;
    return this.#catchingUp !== undefined && this.#waiting.length === 0;
  }

  #begin(): Pass {
    this.#parts.file.exec("BEGIN IMMEDIATE");
    let rows = 0;
    let count = 0;
    while (count < this.#waiting.length && rows < LIMITS.state.applyPassRowCount)
      rows += this.#waiting[count++]!.rows.length;
    const records = this.#waiting.splice(0, count);
    this.#waitingRows -= rows;
    for (const record of records) this.#waitingSizeBytes -= memoryOf(record);
    return {
      records,
      sequence: records.at(-1)?.sequence ?? this.#appliedSequence,
      growth: new Map(),
      written: new Map(),
      nextRow: 0,
      nextRecord: 0,
    };
  }

  /** Whether all rows of the pass are written; stops in between after `untilMs`. */
  #write(pass: Pass, untilMs: number): boolean {
    for (let count = 1; pass.nextRecord < pass.records.length; pass.nextRecord++) {
      const { rows } = pass.records[pass.nextRecord]!;
      for (; pass.nextRow < rows.length; count++) {
        this.#writeRow(pass, rows[pass.nextRow++]!);
        // A look at the clock costs a part of a row.
        if (count % 16 === 0 && this.#parts.clock.elapsedMs() >= untilMs) return false;
      }
      pass.nextRow = 0;
    }
    return true;
  }

  #writeRow(pass: Pass, row: OverlayRow): void {
    const { namespace, key } = row;
    const version = versionAt(row, pass.sequence);
    const before = pass.written.get(row) ?? { sequence: row.appliedSequence, sizeBytes: row.tableSizeBytes };
    // A later record of the same pass has been written already, or has brought it in an earlier one.
    if (version === undefined || version.sequence <= before.sequence) return;
    // What came and went while it waited never reaches the tables.
    if (version.value !== undefined || before.sizeBytes > 0)
      this.#parts.file.write({ namespace, key, value: version.value });
    const sizeBytes = sizeOf(key, version.value);
    pass.written.set(row, { sequence: version.sequence, sizeBytes });
    pass.growth.set(namespace, (pass.growth.get(namespace) ?? 0) + sizeBytes - row.tableSizeBytes);
  }

  #commit(pass: Pass): void {
    const { file, overlay } = this.#parts;
    const { sequence } = pass;
    for (const [namespace, bytes] of pass.growth) {
      if (bytes !== 0) file.setOwnNumber(`size:${namespace}`, file.ownNumber(`size:${namespace}`) + bytes);
    }
    file.setOwnNumber("applied", sequence);
    file.exec("COMMIT");
    for (const [row, { sequence: applied, sizeBytes }] of pass.written) {
      row.appliedSequence = applied;
      row.tableSizeBytes = sizeBytes;
    }
    overlay.dropApplied(pass.growth.keys());
    this.#appliedSequence = sequence;
    this.#pass = undefined;
    this.#failure = undefined;
  }

  /** The tables did not take it: everything is still in the journal and the overlay, and is tried again. */
  #abandon(thrown: unknown): void {
    this.#parts.log.error(
      { err: thrown },
      "The tables could not be brought up to date; the journal grows until they can.",
    );
    const { file } = this.#parts;
    file.rollBack();
    if (this.#pass !== undefined) {
      this.#waiting.unshift(...this.#pass.records);
      this.#waitingRows = this.#waiting.reduce((count, { rows }) => count + rows.length, 0);
      this.#waitingSizeBytes = this.#waiting.reduce((size, record) => size + memoryOf(record), 0);
      this.#pass = undefined;
    }
    this.#failure = thrown;
    this.#catchingUp?.reject(thrown);
    this.#catchingUp = undefined;
    void this.#retryLater();
  }

  async #retryLater(): Promise<void> {
    this.#scheduled = "held";
    await this.#parts.clock.sleep(LIMITS.state.applyRetryMs);
    this.#scheduled = "no";
    if (!this.#closed) this.#schedule();
  }

  /** Makes the tables durable up to here. In between nothing is applied, as that would overwrite the log that is not needed no more only afterwards. */
  async #checkpointLater(): Promise<void> {
    this.#scheduled = "held";
    const [log, tables] = this.#descriptors as [number, number];
    try {
      await syncLater(log);
      if (this.#closed) return;
      this.#checkpoint();
      await syncLater(tables);
      if (this.#closed) return;
      // Nothing is left to copy: this only makes the log empty.
      this.#parts.file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      this.#scheduled = "no";
      this.#synced();
      this.#schedule();
    } catch (thrown) {
      if (!this.#closed) this.#abandon(thrown);
    }
  }

  /** What was applied is safe. */
  #synced(): void {
    this.#syncedSequence = this.#appliedSequence;
    this.#hurried = false;
    this.#parts.onSynced(this.#appliedSequence);
    if (!this.isCaughtUp) return;
    this.#catchingUp?.resolve();
    this.#catchingUp = undefined;
  }

  /** Copies the log into the tables' own pages, which SQLite does not sync here. */
  #checkpoint(): void {
    this.#parts.file.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  #logSizeBytes(): number {
    return statSync(`${this.#parts.file.path}-wal`).size;
  }
}

function memoryOf({ rows, sizeBytes }: DurableRecord): number {
  return sizeBytes + rows.length * ROW_OVERHEAD_BYTES;
}
