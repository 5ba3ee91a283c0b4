// Journal segments in memory on a disk that can fail and lose power: writes, syncs, names and room are
// what a test wants them to be. A write reaches the platter whole, in part, or not at all.

import { TwinError } from "../../host/base/errors.ts";
import type { JournalFolder, JournalSegment } from "../../host/state/journal-folder.ts";

const SEGMENT_SIZE = 16 * 1024;

/** What goes wrong with the next operation of that kind. */
export interface JournalFaults {
  /** The next write rejects after this share of it (0 to 1) has reached the disk. */
  failWriteAfter?: number | undefined;
  /** Writes reject, and nothing of them reaches the disk. */
  failWrites?: boolean | undefined;
  /** Segments cannot be made: no room, or the rename fails. */
  failCreate?: boolean | undefined;
  /** What the removal of a segment waits for, and rejects as. */
  holdRemoval?: ((first: number) => Promise<void> | undefined) | undefined;
  /** Writes wait until this resolves. */
  hold?: Promise<void> | undefined;
}

/** The folder, and the hands on its disk. */
export interface FaultyJournalFolder extends JournalFolder {
  readonly faults: JournalFaults;
  /** What is on the disk, by segment. May be changed. */
  readonly disk: Map<number, Uint8Array>;
  /** Writes that were acknowledged. */
  readonly counts: { writes: number };
}

/** An empty folder; `disk` is what an earlier one left, and `faults` may be those of another one. */
export function createFaultyJournalFolder(
  disk: Map<number, Uint8Array> = new Map(),
  faults: JournalFaults = {},
): FaultyJournalFolder {
  const counts = { writes: 0 };
  return {
    faults,
    disk,
    counts,
    list: async () => [...disk.keys()].toSorted((left, right) => left - right),
    pathOf: (first) => `memory/${first}.journal`,
    read: async (first) => disk.get(first)!.slice(),
    create: async (first) => {
      if (faults.failCreate === true) throw new TwinError("TWIN_STATE_FULL", "The disk is full.");
      disk.set(first, new Uint8Array(SEGMENT_SIZE));
      return createSegment(first);
    },
    remove: async (first) => {
      await faults.holdRemoval?.(first);
      disk.delete(first);
    },
    [Symbol.asyncDispose]: async () => {},
  };

  function createSegment(first: number): JournalSegment {
    return {
      sizeBytes: SEGMENT_SIZE,
      write: async (bytes, offset) => {
        await faults.hold;
        if (faults.failWrites === true) throw new TwinError("TWIN_STATE_FULL", "The disk is full.");
        const share = faults.failWriteAfter;
        faults.failWriteAfter = undefined;
        const reached = bytes.subarray(0, Math.floor(bytes.length * (share ?? 1)));
        const before = disk.get(first)!;
        const after = new Uint8Array(Math.max(before.length, offset + reached.length));
        after.set(before);
        after.set(reached, offset);
        disk.set(first, after);
        if (share !== undefined) throw new TwinError("TWIN_HOST_FOLDER", "The write failed.");
        counts.writes += 1;
      },
      close: async () => {},
    };
  }
}
