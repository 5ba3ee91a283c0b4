// Brings a twin's tables up to its journal, behind the commits. A pass is one transaction: of each row the
// newest version, in key order, so that a page that many rows share is written once; in slices, so that
// nobody waits long.

import { closeSync, fdatasync, fdatasyncSync, openSync, statSync } from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { CommitCosts } from "./commit-costs.ts";
import { keyOf, type Overlay, type OverlayRow, sizeOf, versionAt } from "./overlay.ts";
import type { StateFile } from "./state-file.ts";

const syncLater = promisify(fdatasync);

/** What one durable record has written, all of which is in the overlay. */
export interface DurableRecord {
  readonly sequence: number;
  readonly rowCount: number;
  /** Of the record as it was written. */
  readonly sizeBytes: number;
}

/** Not one record is known to be safe in the tables. */
const NEVER = -1;
/** What a row in memory needs besides its bytes, about. */
const ROW_OVERHEAD_BYTES = 256;
/** The part of a slice that one takes in any case: about what a single caller needs between an answer and its next call. */
const SLICE_SHARE_MIN = 1 / 40;
/** So much that waits is taken at once; beyond, the tables get more time than calls leave them by themselves. */
const PRESSURE_BYTES = LIMITS.state.waitingSizeBytes / 8;

/** What an applier is made of. */
export interface ApplierParts {
  readonly file: StateFile;
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly log: Log;
  /** Where its work counts. */
  readonly costs?: CommitCosts | undefined;
  /** Whether somebody waits for an answer: a file that nobody writes yet is then opened for it a little later. */
  readonly isBusy?: (() => boolean) | undefined;
  /** The last record that the file has. */
  readonly appliedSequence: number;
  /** Whether what the file has survives the loss of power. */
  readonly isSynced: boolean;
  /** The tables have all records up to this one, also after the loss of power. */
  readonly onSynced: (sequence: number) => void;
}

/** So much of the overlay. */
interface Load {
  rowCount: number;
  sizeBytes: number;
}

/** One transaction, with all that was durable when it began. */
interface Pass {
  /** Of the last record. */
  readonly sequence: number;
  /** What is taken from those that wait. */
  readonly load: Load;
  readonly growth: Map<string, number>;
  readonly written: { readonly row: OverlayRow; readonly sequence: number; readonly sizeBytes: number }[];
  /** The namespaces that are left, the present one last. */
  readonly namespaces: string[];
  /** Where the present one goes on. */
  order: string;
}

/** Applies the records of one twin in order. Between two of its methods the tables are in a transaction, or not; reads see the same. */
export class TableApplier {
  readonly #parts: ApplierParts;
  /** The database and its write-ahead log, to sync; opened when something was written. Closed after SQLite's own: closing one drops its locks. */
  #descriptors: readonly [log: number, tables: number] | undefined;
  /** Of the last durable record. */
  #durableSequence: number;
  /** Of the records behind those of the pass. */
  #waiting: Load = { rowCount: 0, sizeBytes: 0 };
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
    this.#appliedSequence = parts.appliedSequence;
    this.#durableSequence = parts.appliedSequence;
    this.#syncedSequence = parts.isSynced ? this.#appliedSequence : NEVER;
  }

  get appliedSequence(): number {
    return this.#appliedSequence;
  }

  /** Whether the tables have everything, and it is safe there. */
  get isCaughtUp(): boolean {
    return !this.#hasMore && this.#scheduled !== "held" && this.#syncedSequence === this.#appliedSequence;
  }

  /** Throws when so much waits that no more may be added: what the tables said, or `TWIN_CALL_QUEUE` when they are only slow. */
  checkRoom(): void {
    if (this.#waiting.sizeBytes < LIMITS.state.waitingSizeBytes) return;
    throw this.#failure ?? new TwinError("TWIN_CALL_QUEUE", "The disk is slow. Call again a little later.");
  }

  /** Takes the next durable record; it is applied a little later. */
  add({ sequence, rowCount, sizeBytes }: DurableRecord): void {
    this.#durableSequence = sequence;
    this.#waiting.rowCount += rowCount;
    this.#waiting.sizeBytes += sizeBytes + rowCount * ROW_OVERHEAD_BYTES;
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
    const [log, tables] = this.#openDescriptors();
    // A checkpoint may be under way: what follows overwrites the log that it was made from.
    fdatasyncSync(tables);
    while (this.#hasMore) {
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
    for (const descriptor of this.#descriptors ?? []) closeSync(descriptor);
  }

  /** Whether the tables lack anything durable. */
  get #hasMore(): boolean {
    return this.#durableSequence > this.#appliedSequence;
  }

  #schedule(): void {
    if (this.#scheduled === "held" || this.#scheduled === "now") return;
    const isWanted = this.#hurried || this.#catchingUp !== undefined || this.#pass !== undefined;
    const { rowCount, sizeBytes } = this.#waiting;
    if (isWanted || rowCount >= LIMITS.state.applyRowCount || sizeBytes >= PRESSURE_BYTES) {
      this.#scheduled = "now";
      // Not the coming round: in that one the answers to those who have just committed are sent.
      setImmediate(() => setImmediate(() => this.#step()));
    } else if (this.#scheduled === "no" && this.#hasMore) {
      this.#scheduled = "soon";
      void this.#stepLater();
    }
  }

  async #stepLater(): Promise<void> {
    const { clock } = this.#parts;
    const untilMs = clock.elapsedMs() + LIMITS.state.openDelayMsMax;
    do await clock.sleep(LIMITS.state.applyDelayMs);
    while (this.#scheduled === "soon" && this.#isBetterLater() && clock.elapsedMs() < untilMs);
    if (this.#scheduled === "soon") this.#step();
  }

  /** To open a file for writing has one made: who waits for an answer comes first. */
  #isBetterLater(): boolean {
    const { file, isBusy } = this.#parts;
    return !file.isWriting && isBusy?.() === true;
  }

  #step(): void {
    if (this.#closed) return;
    this.#scheduled = "no";
    const { costs } = this.#parts;
    try {
      if (!(costs === undefined ? this.#applySlice() : costs.spend(() => this.#applySlice()))) return this.#schedule();
      if (this.#isCheckpointDue()) return void this.#checkpointLater();
    } catch (thrown) {
      return this.#abandon(thrown);
    }
    this.#schedule();
  }

  /** Whether no transaction is open after it. */
  #applySlice(): boolean {
    if (!this.#hasMore) return true;
    const pass = (this.#pass ??= this.#begin());
    const sliceMs = LIMITS.state.applySliceMs * this.#sliceShare(pass);
    if (!this.#write(pass, this.#parts.clock.elapsedMs() + sliceMs)) return false;
    this.#commit(pass);
    return true;
  }

  /** As much of a slice as has come of rows since the pass began, of those that it takes: it is done before as many wait again. */
  #sliceShare({ load }: Pass): number {
    const { rowCount, sizeBytes } = this.#waiting;
    return Math.max(SLICE_SHARE_MIN, Math.min(1, rowCount / load.rowCount), sizeBytes / PRESSURE_BYTES);
  }

  #isCheckpointDue(): boolean {
    if (this.#hurried || this.#logSizeBytes() > LIMITS.state.checkpointSizeBytes) return true;
    return this.#catchingUp !== undefined && !this.#hasMore;
  }

  #begin(): Pass {
    this.#parts.file.exec("BEGIN IMMEDIATE");
    const load = this.#waiting;
    this.#waiting = { rowCount: 0, sizeBytes: 0 };
    return {
      sequence: this.#durableSequence,
      load,
      growth: new Map(),
      written: [],
      namespaces: this.#parts.overlay.namespaces().toSorted().toReversed(),
      order: "",
    };
  }

  /** Whether all rows of the pass are written; stops in between after `untilMs`. */
  #write(pass: Pass, untilMs: number): boolean {
    let count = 0;
    for (let namespace = pass.namespaces.at(-1); namespace !== undefined; namespace = pass.namespaces.at(-1)) {
      for (const row of this.#parts.overlay.rowsFrom(namespace, pass.order)) {
        this.#writeRow(pass, namespace, row);
        // A look at the clock costs a part of a row.
        if (++count % 4 !== 0 || this.#parts.clock.elapsedMs() < untilMs) continue;
        // The one right behind it.
        pass.order = `${row.order}\0`;
        return false;
      }
      pass.namespaces.pop();
      pass.order = "";
    }
    return true;
  }

  #writeRow(pass: Pass, namespace: string, row: OverlayRow): void {
    const version = versionAt(row, pass.sequence);
    // One that was written again meanwhile may be known by its newer versions alone: their records bring it.
    if (version === undefined || version.sequence <= row.appliedSequence) return;
    const { sequence, value } = version;
    // What came and went while it waited never reaches the tables.
    if (value !== undefined || row.tableSizeBytes > 0)
      this.#parts.file.write({ namespace, key: keyOf(row.order), value });
    const sizeBytes = sizeOf(row.order.length, value);
    pass.written.push({ row, sequence, sizeBytes });
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
    for (const { row, sequence: applied, sizeBytes } of pass.written) {
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
      const { rowCount, sizeBytes } = this.#pass.load;
      this.#waiting.rowCount += rowCount;
      this.#waiting.sizeBytes += sizeBytes;
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
    try {
      const [log, tables] = this.#openDescriptors();
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

  #openDescriptors(): readonly [log: number, tables: number] {
    const { file } = this.#parts;
    const { path } = file;
    // A file that was only read has no log yet.
    file.openForWriting();
    return (this.#descriptors ??= [openSync(`${path}-wal`, "r+"), openSync(path, "r+")]);
  }

  /** Copies the log into the tables' own pages, which SQLite does not sync here. */
  #checkpoint(): void {
    this.#parts.file.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  #logSizeBytes(): number {
    return statSync(`${this.#parts.file.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
