// What a damaged journal costs, byte by byte: host/state/journal.ts, journal-group.ts, journal-group-early.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { concatBytes, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import type { Log } from "../../../host/base/log.ts";
import { silentLog } from "../../../host/base/log.ts";
import { type Journal, openJournal } from "../../../host/state/journal.ts";
import type { JournalRecord } from "../../../host/state/journal-form.ts";
import { decodeGroup, encodeGroup, FIRST_PREVIOUS } from "../../../host/state/journal-group.ts";
import { type JournalStateStore, openJournalStateStore } from "../../../host/state/journal-state-store.ts";
import { encodeEarlyGroup } from "../../support/early-group.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { textWrite } from "../../support/state-rows.ts";

const root = mkdtempSync(join(tmpdir(), "twin-damage-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

type Disk = Map<number, Uint8Array>;
const broken = { code: "TWIN_STATE_BROKEN" };

function copyOf(disk: Disk): Disk {
  return new Map([...disk].map(([first, bytes]) => [first, bytes.slice()]));
}

function open(disk: Disk, log: Log = silentLog): Promise<Journal> {
  return openJournal({ folder: createFaultyJournalFolder(disk), kernels: referenceKernels, log });
}

function openTwin(twin: string, journal: Journal, path = join(root, `${count++}.sqlite`)): JournalStateStore {
  const key = new Uint8Array(32).fill(twin.length);
  const random = createSeededRandom(`${twin} ${count}`);
  const parts = { kernels: referenceKernels, clock: createManualClock(), random, log: silentLog };
  return openJournalStateStore({ ...parts, path, key, twin, journal });
}

function read(store: JournalStateStore, key: string): string | undefined {
  const value = store.get({ namespace: "a", key: utf8Encode(key) });
  return value === undefined ? undefined : utf8Decode(value);
}

const TWINS = ["ann", "bobby"];

/** Three groups with a record of each twin, as a process that was killed has left them. */
async function written(): Promise<Disk> {
  const folder = createFaultyJournalFolder();
  const journal = await openJournal({ folder, kernels: referenceKernels, log: silentLog });
  const stores = TWINS.map((twin) => openTwin(twin, journal));
  for (const key of ["1", "2", "3"]) {
    await Promise.all(stores.map((store) => store.commit([textWrite("a", key, `${key} is here`)])));
  }
  for (const store of stores) store.close();
  return copyOf(folder.disk);
}

interface Place {
  readonly start: number;
  /** Where the sealed part of each twin's record begins, and where the last one ends. */
  readonly sealed: readonly number[];
  readonly end: number;
}

function placesIn(segment: Uint8Array): Place[] {
  const places: Place[] = [];
  for (let start = 0; ;) {
    const group = decodeGroup(segment, start, referenceKernels);
    if (group === undefined) return places;
    const parts = group.records.map(({ sealed: { byteOffset, length } }) => [byteOffset - segment.byteOffset, length]);
    places.push({ start, sealed: [...parts.map(([at]) => at!), endOf(parts)], end: group.end });
    start = group.end;
  }
}

/** Where the sealed parts end: they follow each other. */
function endOf(parts: readonly (readonly number[])[]): number {
  return parts.reduce((end, [, length]) => end + length!, parts[0]![0]!);
}

/** What of each twin the journal has, or the code of its refusal. */
async function foundIn(disk: Disk): Promise<(readonly string[])[] | string> {
  try {
    const journal = await open(disk);
    const show = ({ sequence, sealed }: JournalRecord): string =>
      `${sequence} ${Buffer.from(referenceKernels.hash(sealed)).toString("hex", 0, 4)}`;
    return TWINS.map((twin) => journal.recovered(twin).map(show));
  } catch (thrown) {
    return (thrown as { readonly code: string }).code;
  }
}

describe("a journal with a byte that was changed", () => {
  test("in the middle of it is refused for the list of a group, concerns one twin in a record, and nobody in between", async () => {
    const disk = await written();
    const [, place] = placesIn(disk.get(1)!);
    const whole = await foundIn(disk);
    const outcomes = new Set<string>();
    for (let at = place!.start; at < place!.end; at++) {
      const changed = copyOf(disk);
      changed.get(1)![at]! ^= 1 << (at % 8);
      const found = await foundIn(changed);
      const [ann, bobby, padding] = place!.sealed as [number, number, number];
      if (at < ann) expect(found, `byte ${at}`).toBe("TWIN_STATE_BROKEN");
      else if (at >= padding) expect(found, `byte ${at}`).toEqual(whole);
      else {
        const [hurt, other] = at < bobby ? [0, 1] : [1, 0];
        const [lists, before] = [found as string[][], whole as string[][]];
        expect(lists[other], `byte ${at}`).toEqual(before[other]);
        // The record is there, in its place, and its twin's key does not open it.
        expect(lists[hurt]!.map((line, index) => line === before[hurt]![index])).toEqual([true, false, true]);
        outcomes.add(TWINS[hurt]!);
      }
    }
    expect([...outcomes]).toEqual(TWINS);
  });

  test("in its last group loses that group, as if it had been torn, and nothing else", async () => {
    const disk = await written();
    const [, , place] = placesIn(disk.get(1)!);
    const whole = (await foundIn(disk)) as string[][];
    for (let at = place!.start; at < place!.end; at += 3) {
      const changed = copyOf(disk);
      changed.get(1)![at]! ^= 0x80;
      const expected = at < place!.sealed[2]! ? whole.map((lines) => lines.slice(0, 2)) : whole;
      expect(await foundIn(changed), `byte ${at}`).toEqual(expected);
    }
  });

  test("names the record, refuses its twin alone, and opens that one too when its tables have the record", async () => {
    const disk = await written();
    const [, place] = placesIn(disk.get(1)!);
    const path = join(root, `${count++}.sqlite`);
    openTwin("ann", await open(copyOf(disk)), path).close();
    disk.get(1)![place!.sealed[0]! + 30]! ^= 1;
    const told: unknown[] = [];
    const log = { ...silentLog, error: (fields: object, text: string) => void told.push([fields, text]) };
    const folder = createFaultyJournalFolder(disk);
    const journal = await openJournal({ folder, kernels: referenceKernels, log });
    const where = `The record 2 of a twin was changed, in the group at byte ${place!.start} of memory/1.journal`;
    expect(told).toEqual([[{ twin: "ann" }, expect.stringContaining(where)]]);
    expect(() => openTwin("ann", journal)).toThrow(expect.objectContaining(broken));
    const bobby = openTwin("bobby", journal);
    await bobby.commit([textWrite("a", "4", "more")]);
    expect(["1", "2", "3", "4"].map((key) => read(bobby, key)?.[0])).toEqual(["1", "2", "3", "m"]);
    expect(() => openTwin("ann", journal)).toThrow(expect.objectContaining(broken));
    const ann = openTwin("ann", journal, path);
    expect(read(ann, "2")).toBe("2 is here");
    // Also for those who come later, and in a segment that others follow.
    const later = await open(copyOf(folder.disk));
    expect(() => openTwin("ann", later)).toThrow(expect.objectContaining(broken));
    const again = openTwin("bobby", later);
    expect(read(again, "4")).toBe("more");
    for (const store of [ann, bobby, again]) store.close();
  });
});

describe("groups of a journal", () => {
  const record = (sequence: number, text: string): JournalRecord => ({
    twin: "ann",
    sequence,
    sealed: utf8Encode(text),
  });
  const diskOf = (...groups: readonly Uint8Array[]): Disk =>
    new Map([[1, concatBytes(...groups, new Uint8Array(512))]]);
  const textsIn = async (disk: Disk): Promise<string[]> =>
    (await open(disk)).recovered("ann").map(({ sealed }) => utf8Decode(sealed));

  test("of an earlier build are read as they were, with newer ones behind them", async () => {
    const first = encodeEarlyGroup({ number: 1, previous: FIRST_PREVIOUS, records: [record(1, "one")] });
    const second = encodeEarlyGroup({ number: 2, previous: first.hash, records: [record(2, "two")] });
    const third = encodeGroup({ number: 3, previous: second.hash, records: [record(3, "three")] }, referenceKernels);
    const disk = diskOf(first.bytes, second.bytes, third.bytes);
    expect(await textsIn(disk)).toEqual(["one", "two", "three"]);
    for (const at of [2, 70, first.bytes.length + 97]) {
      const changed = copyOf(disk);
      changed.get(1)![at]! ^= 1;
      await expect(open(changed)).rejects.toMatchObject(broken);
    }
    const torn = diskOf(first.bytes, second.bytes.with(97, 255));
    expect(await textsIn(torn)).toEqual(["one"]);
  });

  test("that were carried forth stand in for one that was damaged, and a damaged copy for none", async () => {
    const [one, two] = [record(1, "one"), record(2, "two")];
    const chain = (lists: readonly (readonly JournalRecord[])[]): Uint8Array[] => {
      let previous = FIRST_PREVIOUS;
      return lists.map((records, index) => {
        const { bytes, hash } = encodeGroup({ number: index + 1, previous, records }, referenceKernels);
        previous = hash;
        return bytes;
      });
    };
    const groups = chain([[one], [two], [one, two], [{ ...one, twin: "bob" }]]);
    const sealedAt = placesIn(concatBytes(...groups)).map(({ sealed }) => sealed[0]!);
    for (const [index, at] of sealedAt.slice(0, 3).entries()) {
      const disk = diskOf(...groups);
      disk.get(1)![at]! ^= 1;
      expect(await textsIn(disk), `group ${index + 1}`).toEqual(["one", "two"]);
    }
  });
});
