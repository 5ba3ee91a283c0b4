// The journal of one engine worker: what many twins commit becomes durable by one write. Records are
// its truth until the tables of their twins have caught up on disk.

import { compareBytes } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { CommitCosts } from "./commit-costs.ts";
import type { JournalFolder, JournalSegment } from "./journal-folder.ts";
import type { FoundGroup, JournalRecord } from "./journal-form.ts";
import { decodeGroup, encodeGroup, findGroup, FIRST_PREVIOUS } from "./journal-group.ts";
import { stateBroken } from "./sqlite-failure.ts";
import type { WriteChoice } from "./write-choice.ts";

/** One twin's end: it collects changes until the journal comes for them. */
export interface JournalSource {
  /** Everything that waits, as one record. */
  draw(): JournalRecord;
  /** The drawn record is durable, or with an error will never take effect. Called once per record, in order. */
  settle(error?: unknown): void;
  /** The journal grows because it alone has records of this twin: their tables are to be made safe soon. */
  hurry?(): void;
}

/** Makes records durable, in order, many at once. */
export interface Journal extends AsyncDisposable {
  /** Where its twins count what they commit, and what that costs. */
  readonly costs: CommitCosts | undefined;
  /** The records of `twin` that nobody has taken over, oldest first. */
  recovered(twin: string): readonly JournalRecord[];
  /** The tables of `twin` have its recovered records. */
  takeOver(twin: string): void;
  /** Twins whose records nobody has taken over. */
  recoveredTwins(): string[];
  /** Finds the records of `twin` again, as at opening: its tables were closed without them. */
  recall(twin: string): Promise<void>;
  /** Number of the newest durable record of `twin`; 0 when the journal needs none of it. */
  lastSequence(twin: string): number;
  /** Draws from `source` for the next group, which is written as soon as the current one is done. */
  enlist(source: JournalSource): void;
  /** The records of `twin` up to `sequence` are not needed any more. */
  release(twin: string, sequence: number): void;
  /** All records of `twin` so far are void, durably when it resolves: its next one has the number 1. Nobody may commit for it meanwhile. */
  forget(twin: string): Promise<void>;
}

/** What a journal is made of. It owns the folder from then on. */
export interface JournalParts {
  readonly folder: JournalFolder;
  readonly kernels: Pick<Kernels, "hash">;
  readonly log: Log;
  /** Without it no write is made on this thread. */
  readonly choice?: WriteChoice | undefined;
  /** Of what is committed to it; nobody wants to know them when absent. */
  readonly costs?: CommitCosts | undefined;
}

/** A segment on disk: the last record of each twin in it. */
interface Segment {
  readonly first: number;
  readonly last: Map<string, number>;
}

/**
 * Opens the journal in `folder`. A torn tail is cut: nothing in it was acknowledged. A record that was
 * damaged is its twin's to refuse, by its seal; rejects with `TWIN_STATE_BROKEN` when it cannot be said
 * whose what was damaged or is missing was.
 */
export async function openJournal(parts: JournalParts): Promise<Journal> {
  const found = await readJournal(parts);
  for (const { twin, sequence, path, offset } of found.damage) {
    const why = `The record ${sequence} of a twin was changed, in the group at byte ${offset} of ${path}: the twin cannot be opened as long as its tables lack it.`;
    parts.log.error({ twin }, why);
  }
  return new FolderJournal(parts, found);
}

/** A record that is not as it was written. */
interface Damage {
  readonly twin: string;
  readonly sequence: number;
  readonly path: string;
  readonly offset: number;
}

interface FoundJournal {
  readonly segments: readonly Segment[];
  readonly records: Map<string, JournalRecord[]>;
  readonly damage: readonly Damage[];
  readonly nextNumber: number;
  readonly previous: Uint8Array;
}

async function readJournal({ folder, kernels }: Pick<JournalParts, "folder" | "kernels">): Promise<FoundJournal> {
  const names = await folder.list();
  const segments: Segment[] = [];
  const records = new RecordCollector();
  let nextNumber = names[0] ?? 1;
  let previous: Uint8Array | undefined;
  for (const [index, first] of names.entries()) {
    // A later segment speaks for its number: what an earlier one says of it was given up.
    const stop = names[index + 1] ?? Infinity;
    const segment: Segment = { first, last: new Map() };
    const bytes = await folder.read(first);
    let offset = 0;
    for (; nextNumber < stop; nextNumber++) {
      const group = decodeGroup(bytes, offset, kernels);
      if (group === undefined || group.number !== nextNumber) break;
      if (previous !== undefined && compareBytes(group.previous, previous) !== 0) break;
      // Of the last group of all it says that it was torn.
      if (group.damaged.size > 0 && stop === Infinity && !hasLater(bytes, group, kernels)) break;
      for (const record of group.records) {
        if (isVoid(record)) for (const { last } of [...segments, segment]) last.delete(record.twin);
        else segment.last.set(record.twin, record.sequence);
      }
      records.add(group, { path: folder.pathOf(first), offset });
      ({ hash: previous, end: offset } = group);
    }
    segments.push(segment);
    const place = { path: folder.pathOf(first), offset };
    if (stop !== Infinity && nextNumber < stop)
      throw damaged(place, `the groups ${nextNumber} to ${stop - 1} are missing`);
    const later = stop === Infinity ? findGroup(bytes, offset, kernels) : undefined;
    // The next group is written when the one before is safe: a whole one behind a bad one means that the bad one was safe once.
    if (later !== undefined && later.number > nextNumber) throw damaged(place, `the group ${nextNumber} was changed`);
  }
  const { found, damage } = records;
  return { segments, records: found, damage: [...damage.values()], nextNumber, previous: previous ?? FIRST_PREVIOUS };
}

/** Whether a group behind this one was written: then this one was safe. */
function hasLater(segment: Uint8Array, { number, end }: FoundGroup, kernels: JournalParts["kernels"]): boolean {
  return (findGroup(segment, end, kernels)?.number ?? 0) > number;
}

/** Gathers the records of each twin. */
class RecordCollector {
  readonly found = new Map<string, JournalRecord[]>();
  readonly damage = new Map<JournalRecord, Damage>();

  add({ records, damaged }: FoundGroup, place: Pick<Damage, "path" | "offset">): void {
    for (const record of records) {
      const { twin, sequence } = record;
      if (isVoid(record)) this.#drop(twin);
      else if (!damaged.has(record)) this.#keep(record);
      else if (this.#append(record)) this.damage.set(record, { twin, sequence, ...place });
    }
  }

  #drop(twin: string): void {
    for (const record of this.found.get(twin) ?? []) this.damage.delete(record);
    this.found.delete(twin);
  }

  /** What was carried forth is there twice: the first one that is as it was written counts. */
  #keep(record: JournalRecord): void {
    if (this.#append(record) || this.damage.size === 0) return;
    const known = this.found.get(record.twin)!;
    const index = known.findIndex(({ sequence }) => sequence === record.sequence);
    if (index !== -1 && this.damage.delete(known[index]!)) known[index] = record;
  }

  #append(record: JournalRecord): boolean {
    const known = this.found.getOrInsertComputed(record.twin, () => []);
    if (record.sequence <= (known.at(-1)?.sequence ?? 0)) return false;
    known.push(record);
    return true;
  }
}

/** What says that the records of its twin before it count for nothing. */
function voidRecord(twin: string): JournalRecord {
  return { twin, sequence: 0, sealed: new Uint8Array() };
}

function isVoid({ sequence }: JournalRecord): boolean {
  return sequence === 0;
}

/** Which twins had a record in a group whose list cannot be read nobody knows: it concerns all of them. */
function damaged({ path, offset }: { readonly path: string; readonly offset: number }, why: string): Error {
  return stateBroken(path, `${why}, at byte ${offset}`);
}

class FolderJournal implements Journal {
  readonly costs: CommitCosts | undefined;
  readonly #parts: JournalParts;
  readonly #recovered: Map<string, JournalRecord[]>;
  /** Oldest first; the last one is the one being written, once there is one. */
  readonly #segments: Segment[];
  readonly #released = new Map<string, number>();
  /** Of each twin with records that are not released, with the number of the last one. */
  readonly #sources = new Map<string, { readonly source: JournalSource; readonly sequence: number }>();
  readonly #idle: (() => void)[] = [];
  /** Segments on their way out go one after the other: after a kill there is a whole end of the journal, and no gap in it. */
  #removal: Promise<void> = Promise.resolve();
  /** One could not be removed: those behind it stay, until they are found again at the next opening. */
  #isStuck = false;
  #enlisted = new Set<JournalSource>();
  #segment: JournalSegment | undefined;
  #offset = 0;
  #nextNumber: number;
  #previous: Uint8Array;
  #working = false;

  constructor(parts: JournalParts, found: FoundJournal) {
    this.costs = parts.costs;
    this.#parts = parts;
    this.#recovered = found.records;
    this.#segments = [...found.segments];
    this.#nextNumber = found.nextNumber;
    this.#previous = found.previous;
  }

  recovered(twin: string): readonly JournalRecord[] {
    return this.#recovered.get(twin) ?? [];
  }

  takeOver(twin: string): void {
    this.#recovered.delete(twin);
  }

  async recall(twin: string): Promise<void> {
    await this.#removal;
    const { records } = await readJournal(this.#parts);
    const found = records.get(twin);
    if (found !== undefined) this.#recovered.set(twin, found);
  }

  lastSequence(twin: string): number {
    return Math.max(0, ...this.#segments.map(({ last }) => last.get(twin) ?? 0));
  }

  recoveredTwins(): string[] {
    return [...this.#recovered.keys()];
  }

  enlist(source: JournalSource): void {
    this.#enlisted.add(source);
    if (this.#working) return;
    this.#working = true;
    // Whatever else commits in this turn shares the group.
    process.nextTick(() => void this.#work());
  }

  release(twin: string, sequence: number): void {
    this.#released.set(twin, sequence);
    if (sequence >= (this.#sources.get(twin)?.sequence ?? 0)) this.#sources.delete(twin);
    this.#sweep();
  }

  forget(twin: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.enlist({
      draw: () => voidRecord(twin),
      settle: (error) => {
        if (error !== undefined) return reject(error);
        for (const { last } of this.#segments) last.delete(twin);
        for (const map of [this.#released, this.#recovered, this.#sources]) map.delete(twin);
        this.#sweep();
        resolve();
      },
    });
    return promise;
  }

  /** Waits for the groups that were begun or asked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#working) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#removal;
    await this.#segment?.close();
    this.#segment = undefined;
    await this.#parts.folder[Symbol.asyncDispose]();
  }

  async #work(): Promise<void> {
    while (this.#enlisted.size > 0) {
      const sources = [...this.#enlisted];
      this.#enlisted = new Set();
      let failure: unknown;
      try {
        const write = (): Promise<void> => this.#write(sources.map((source) => this.#drawFrom(source)));
        await (this.costs === undefined ? write() : this.costs.spend(write));
      } catch (thrown) {
        failure = thrown;
      }
      for (const source of sources) {
        // What it has collected meanwhile was built on what failed, and fails with it.
        if (failure !== undefined) this.#enlisted.delete(source);
        source.settle(failure);
      }
    }
    this.#working = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #drawFrom(source: JournalSource): JournalRecord {
    const record = source.draw();
    if (source.hurry !== undefined) this.#sources.set(record.twin, { source, sequence: record.sequence });
    return record;
  }

  async #write(records: readonly JournalRecord[]): Promise<void> {
    const { bytes, hash } = encodeGroup(
      { number: this.#nextNumber, previous: this.#previous, records },
      this.#parts.kernels,
    );
    if (this.#segment === undefined || (this.#offset > 0 && this.#offset + bytes.length > this.#segment.sizeBytes)) {
      await this.#begin();
    }
    try {
      await this.#put(this.#segment!, bytes);
    } catch (thrown) {
      await this.#giveUp();
      throw thrown;
    }
    this.#offset += bytes.length;
    this.#nextNumber += 1;
    this.#previous = hash;
    for (const { twin, sequence } of records) this.#segments.at(-1)?.last.set(twin, sequence);
  }

  async #put(segment: JournalSegment, bytes: Uint8Array): Promise<void> {
    const { choice } = this.#parts;
    if (choice === undefined) return segment.write(bytes, this.#offset);
    const isHere = choice.isHere();
    await choice.timed(() =>
      isHere && segment.writeHere !== undefined
        ? segment.writeHere(bytes, this.#offset)
        : segment.write(bytes, this.#offset),
    );
  }

  async #begin(): Promise<void> {
    const before = this.#segment;
    this.#segment = await this.#parts.folder.create(this.#nextNumber);
    this.#offset = 0;
    // One that nothing was written to is replaced, not followed.
    if (this.#segments.at(-1)?.first === this.#nextNumber) this.#segments.pop();
    this.#segments.push({ first: this.#nextNumber, last: new Map() });
    await before?.close();
    this.#sweep();
    this.#hurry();
  }

  /** A long journal is a long start: whoever keeps its beginning is asked to let go. */
  #hurry(): void {
    if (this.#segments.length <= LIMITS.state.journalSegmentCount) return;
    const [oldest] = this.#segments;
    for (const [twin, sequence] of oldest!.last) {
      if (sequence <= (this.#released.get(twin) ?? 0)) continue;
      const absent = this.#recovered.get(twin);
      if (absent === undefined) this.#sources.get(twin)?.source.hurry?.();
      else this.#carryForth(twin, absent);
    }
  }

  /** Writes the records of a twin that nobody has opened once more, so that older segments can go. */
  #carryForth(twin: string, records: readonly JournalRecord[]): void {
    for (const record of records) {
      const settle = (error?: unknown): void => {
        if (error !== undefined || record !== records.at(-1)) return;
        for (const { last } of this.#segments.slice(0, -1)) last.delete(twin);
        this.#sweep();
      };
      this.enlist({ draw: () => record, settle });
    }
  }

  /** After a write that failed, some of the group may be on disk: a segment of its number makes that count for nothing. */
  async #giveUp(): Promise<void> {
    try {
      await this.#begin();
    } catch (thrown) {
      // The next write tries again. Should the process end before, the group may turn out to be there.
      await this.#segment?.close().catch(() => {});
      this.#segment = undefined;
      this.#parts.log.error({ err: thrown }, "The journal cannot be written; commits fail until it can.");
    }
  }

  /** Removes what nobody needs. */
  #sweep(): void {
    // The newest segment stays: it tells the number that comes next.
    while (this.#segments.length > 1 && this.#isReleased(this.#segments[0]!)) {
      const { first } = this.#segments.shift()!;
      this.#removal = this.#removal.then(() => this.#remove(first));
    }
  }

  /** Never rejects. */
  async #remove(first: number): Promise<void> {
    if (this.#isStuck) return;
    try {
      await this.#parts.folder.remove(first);
    } catch (thrown) {
      this.#isStuck = true;
      this.#parts.log.warn(
        { err: thrown },
        "An old journal segment could not be removed: all stay until the next start.",
      );
    }
  }

  #isReleased({ last }: Segment): boolean {
    return [...last].every(([twin, sequence]) => sequence <= (this.#released.get(twin) ?? 0));
  }
}
