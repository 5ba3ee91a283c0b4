// Takes a stream of any length in batches of about a segment each. What is left of one batch behind its
// last whole chunk is laid in front of the next one: chunks do not know of batches.

import { copyBytes } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { BufferShelf } from "./buffer-shelf.ts";

/** Bytes that are taken for one batch: with what is left of the one before they mostly fill a segment. */
const FILL_SIZE = LIMITS.vault.segmentSizeBytes - LIMITS.vault.chunkSizeBytesTarget - 65_536;
/** Room in front of a batch for what is left of the one before. */
const LEAD_SIZE = LIMITS.vault.chunkSizeBytesMax;
/** A short stream gets a short buffer. */
const FIRST_SIZE = 16_384;
const GROWTH = 4;
/** A stream that outgrows this is of middle size. */
const SMALL_SIZE = GROWTH * FIRST_SIZE;
/** A stream that outgrows this is a large one. */
const MIDDLE_SIZE = GROWTH ** 3 * FIRST_SIZE;

/** Where streams wait until there is memory for more of them. */
export interface SizeGates {
  readonly enterMiddle: () => Promise<void>;
  readonly enterLarge: () => Promise<void>;
}

/** Some bytes of a stream, in a buffer of their own. */
export interface StreamBatch {
  readonly bytes: Uint8Array;
  /** Where they begin and end in it. */
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/**
 * The batches of `source` in order, at least one; only the last one may be empty. The next one is filled
 * while the consumer is at work with this one, and its buffer is from then on the consumer's. Before a stream
 * takes more than 64 KiB it waits for `enterMiddle`, before it takes more than a MiB for `enterLarge`.
 */
export async function* streamBatches(
  source: AsyncIterable<Uint8Array>,
  shelf: BufferShelf,
  { enterMiddle, enterLarge }: SizeGates,
): AsyncGenerator<StreamBatch, void, undefined> {
  let bytes = shelf.take(FIRST_SIZE);
  let [start, end] = [0, 0];
  for await (const piece of source) {
    for (let taken = 0; taken < piece.length;) {
      if (end === start + FILL_SIZE) {
        yield { bytes, start, end, isLast: false };
        bytes = shelf.take(LEAD_SIZE + FILL_SIZE);
        [start, end] = [LEAD_SIZE, LEAD_SIZE];
      }
      if (end === bytes.length) {
        if (bytes.length === SMALL_SIZE) await enterMiddle();
        if (bytes.length === MIDDLE_SIZE) await enterLarge();
        bytes = grow(bytes, end, shelf);
      }
      const size = Math.min(piece.length - taken, bytes.length - end, start + FILL_SIZE - end);
      copyBytes(piece.subarray(taken, taken + size), bytes, end);
      taken += size;
      end += size;
    }
  }
  yield { bytes, start, end, isLast: true };
}

/** The batch with the bytes from `from` on of `before` laid in front of it. */
export function withRest(batch: StreamBatch, before: StreamBatch, from: number): StreamBatch {
  const start = batch.start - (before.end - from);
  copyBytes(before.bytes.subarray(from, before.end), batch.bytes, start);
  return { ...batch, start };
}

function grow(bytes: Uint8Array, end: number, shelf: BufferShelf): Uint8Array {
  // A large stream mostly goes on; what of its buffer is not written costs nothing.
  const grown = shelf.take(bytes.length === MIDDLE_SIZE ? LEAD_SIZE + FILL_SIZE : GROWTH * bytes.length);
  copyBytes(bytes.subarray(0, end), grown);
  shelf.give(bytes);
  return grown;
}
