// A tick: the writes of a moment, as a note that follows the one before. The chain starts with an epoch.

import { concatBytes, equalBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Locator } from "./locator.ts";

const HASH_SIZE = 32;
/** Hash of the tick before, time (ms since 1970, f64). */
const HEAD_SIZE = HASH_SIZE + 8;

/** One tick, opened. */
export interface Tick {
  readonly atMs: number;
  /** Writes as a `RecordWriter` wrote them. */
  readonly writes: Uint8Array;
  /** What the next one must name. */
  readonly hash: Uint8Array;
}

/** The ticks of one epoch, to be written and read in order. */
export interface TickChain {
  /** Name and bytes of tick `number`, which follows `previous` (undefined for the first). */
  encode(
    number: number,
    previous: Uint8Array | undefined,
    tick: Omit<Tick, "hash">,
  ): { readonly name: string; readonly bytes: Uint8Array; readonly hash: Uint8Array };
  name(number: number): string;
  /** The newest copy that holds and follows `previous`; undefined when there is none. Throws `TWIN_OBJECT_LOST` when there are copies and none holds. */
  decode(number: number, previous: Uint8Array | undefined, copies: readonly Uint8Array[]): Tick | undefined;
}

/** The chain of the epoch with this 16-byte id. */
export function createTickChain(epoch: Uint8Array, locator: Locator, kernels: Pick<Kernels, "hash">): TickChain {
  const name = (number: number): string => locator.tickName(epoch, number);
  const before = (previous: Uint8Array | undefined): Uint8Array => previous ?? kernels.hash(epoch);
  return {
    name,
    encode(number, previous, { atMs, writes }) {
      const time = new Uint8Array(8);
      new DataView(time.buffer).setFloat64(0, atMs, true);
      const plain = concatBytes(before(previous), time, writes);
      return { name: name(number), bytes: locator.seal(name(number), plain), hash: kernels.hash(plain) };
    },
    decode(number, previous, copies) {
      if (copies.length === 0) return undefined;
      let newest: Uint8Array | undefined;
      for (const copy of copies) {
        const plain = openOrUndefined(locator, name(number), copy);
        if (plain === undefined || plain.length < HEAD_SIZE) continue;
        if (!equalBytes(plain.subarray(0, HASH_SIZE), before(previous))) continue;
        if (newest === undefined || isNewer(plain, newest)) newest = plain;
      }
      if (newest !== undefined) {
        return { atMs: timeOf(newest), writes: newest.subarray(HEAD_SIZE), hash: kernels.hash(newest) };
      }
      throw new TwinError(
        "TWIN_OBJECT_LOST",
        `No copy of tick ${number} of the twin's state holds: bring other stores back.`,
        { tick: number },
      );
    },
  };
}

/** A tick that too few stores took is written again with what came since: some store may have the first try still. */
function isNewer(plain: Uint8Array, other: Uint8Array): boolean {
  return plain.length === other.length ? timeOf(plain) > timeOf(other) : plain.length > other.length;
}

function timeOf(plain: Uint8Array): number {
  return new DataView(plain.buffer, plain.byteOffset).getFloat64(HASH_SIZE, true);
}

function openOrUndefined(locator: Locator, name: string, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return locator.open(name, sealed);
  } catch {
    return undefined;
  }
}
