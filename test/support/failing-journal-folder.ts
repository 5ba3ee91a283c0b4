// A real journal folder on a disk that fails now and then: writes that reach the disk in part or whole and
// are still refused, syncs that fail, renames that fail, and times in which there is no room at all.

import { TwinError } from "../../host/base/errors.ts";
import type { JournalFolder, JournalSegment } from "../../host/state/journal-folder.ts";

/** One of so many operations fails. */
const FAILS_OF = 40;
/** One of so many failures is the beginning of a time without room. */
const FULL_OF = 4;
const FULL_LENGTH_MAX = 30;

/** `folder` with failures by `below`, which gives whole numbers below its argument. */
export function createFailingJournalFolder(folder: JournalFolder, below: (max: number) => number): JournalFolder {
  let fullFor = 0;
  const refusal = (): TwinError | undefined => {
    if (fullFor > 0) fullFor--;
    else if (below(FAILS_OF) > 0) return undefined;
    else if (below(FULL_OF) > 0) return new TwinError("TWIN_HOST_FOLDER", "The disk failed.");
    else fullFor = 1 + below(FULL_LENGTH_MAX);
    return new TwinError("TWIN_STATE_FULL", "The disk is full.");
  };
  return {
    list: () => folder.list(),
    pathOf: (first) => folder.pathOf(first),
    read: (first) => folder.read(first),
    create: async (first) => {
      const refused = refusal();
      if (refused !== undefined) throw refused;
      return failing(await folder.create(first));
    },
    remove: (first) => folder.remove(first),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };

  function failing(segment: JournalSegment): JournalSegment {
    return {
      sizeBytes: segment.sizeBytes,
      write: async (bytes, offset) => {
        const refused = refusal();
        if (refused === undefined) return segment.write(bytes, offset);
        // All of it may be there when a sync fails, and none of it when there is no room.
        const reached = refused.code === "TWIN_STATE_FULL" ? 0 : below(bytes.length + 1);
        if (reached > 0) await segment.write(bytes.subarray(0, reached), offset);
        throw refused;
      },
      writeHere: (bytes, offset) => {
        const refused = refusal();
        const reached = refused === undefined ? bytes.length : below(bytes.length + 1);
        segment.writeHere?.(bytes.subarray(0, reached), offset);
        if (refused !== undefined) throw refused;
      },
      close: () => segment.close(),
    };
  }
}
