// Buffers for what stores give, used again and again: memory that each read leaves behind keeps the garbage collector
// at work, which the next reads wait for. Threads share them, so that nothing moves: the collector would count that too.

import { LIMITS } from "../base/limits.ts";

/** A short read wants some buffers of this size, of which only what is used is ever in memory. */
const SMALL_SIZE = 4 * LIMITS.vault.frameSizeBytes;
/** Large ones have whole steps, so that they fit the next time too. */
const STEP_SIZE = 1_048_576;

/** So much in buffers that rest is worth a collection each time. malloc maps this much afresh and does not touch it. */
const MUCH_SIZE = 33_554_432;

/** A large buffer until it is collected. */
interface Resting {
  readonly byteLength: number;
  readonly reference: WeakRef<SharedArrayBuffer>;
}

/** The smallest first. */
const sorted = (buffers: readonly SharedArrayBuffer[]): SharedArrayBuffer[] =>
  buffers.toSorted((left, right) => left.byteLength - right.byteLength);

/** Buffers between reads. */
export interface ReadBuffers {
  /**
   * Room for `sizeBytes` bytes, of any content. Lent, unless it is large and nobody {@link hold}s; who has it may keep
   * it for good all the same: it is garbage then, like any other.
   */
  take(sizeBytes: number): Uint8Array;
  /** Takes the whole buffer under `bytes` back if it was lent, else does nothing. Nobody may read or write it any more. */
  give(bytes: Uint8Array): void;
  /** The same bytes for somebody who may keep them for good: a copy when their buffer was lent, which is taken back. */
  keep(bytes: Uint8Array): Uint8Array;
  /** Until it is disposed large buffers are lent too, and wait for each other's next use. */
  hold(): Disposable;
}

/**
 * The collector does not count memory that threads share, and would leave it for as long as little else is made. So it
 * is told of as much that it does count: garbage at once, never touched, of which the machine gives nothing.
 */
function tellCollector(sizeBytes: number): void {
  void new ArrayBuffer(sizeBytes);
}

/** Whether a buffer is worth its use: a shard in the room of a segment would make that want another. */
function fits(byteLength: number, sizeBytes: number): boolean {
  return byteLength >= sizeBytes && byteLength <= Math.max(STEP_SIZE, 2 * sizeBytes);
}

/** It never grows. But memory that could is mapped for itself and goes back to the system; of what malloc has in this size much would stay. */
function createLarge(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(sizeBytes, { maxByteLength: sizeBytes });
}

/** No buffers yet. */
export function createReadBuffers(): ReadBuffers {
  const lent = new WeakSet<ArrayBufferLike>();
  const small: SharedArrayBuffer[] = [];
  /** Large ones, while somebody holds. */
  let held: SharedArrayBuffer[] = [];
  /** Large ones until they are collected: the collector does not count them and may come late, so they are found again. */
  let resting: Resting[] = [];
  let holders = 0;

  const rest = (buffers: readonly SharedArrayBuffer[]): void => {
    const fresh = buffers.map((buffer) => ({ byteLength: buffer.byteLength, reference: new WeakRef(buffer) }));
    resting = [...resting.filter(({ reference }) => reference.deref() !== undefined), ...fresh];
    resting.sort((left, right) => left.byteLength - right.byteLength);
  };
  /** One that rests, too large rather than none. Others are not even looked at: what is looked at lives on until the next collection. */
  const revive = (sizeBytes: number): SharedArrayBuffer | undefined => {
    for (;;) {
      const fitting = resting.findIndex(({ byteLength }) => fits(byteLength, sizeBytes));
      const at = fitting === -1 ? resting.findIndex(({ byteLength }) => byteLength >= sizeBytes) : fitting;
      const [found] = at === -1 ? [] : resting.splice(at, 1);
      const buffer = found?.reference.deref();
      if (found === undefined || buffer !== undefined) return buffer;
    }
  };
  const find = (sizeBytes: number): SharedArrayBuffer => {
    if (sizeBytes <= SMALL_SIZE) return small.pop() ?? new SharedArrayBuffer(SMALL_SIZE);
    const at = held.findIndex(({ byteLength }) => fits(byteLength, sizeBytes));
    const found = at === -1 ? revive(sizeBytes) : held.splice(at, 1)[0];
    return found ?? createLarge(Math.ceil(sizeBytes / STEP_SIZE) * STEP_SIZE);
  };
  const give = ({ buffer }: Uint8Array): void => {
    if (!(buffer instanceof SharedArrayBuffer) || !lent.delete(buffer)) return;
    if (buffer.byteLength > SMALL_SIZE) {
      if (holders > 0) held = sorted([...held, buffer]);
      else rest([buffer]);
    } else if (small.length < LIMITS.vault.readBufferCount) {
      small.push(buffer);
    }
  };
  return {
    give,
    take(sizeBytes) {
      if (sizeBytes > SMALL_SIZE && holders === 0) return new Uint8Array(sizeBytes);
      const buffer = find(sizeBytes);
      lent.add(buffer);
      return new Uint8Array(buffer, 0, sizeBytes);
    },
    keep(bytes) {
      if (!lent.has(bytes.buffer)) return bytes;
      const copy = bytes.slice();
      give(bytes);
      return copy;
    },
    hold() {
      holders++;
      return {
        [Symbol.dispose]() {
          if (--holders > 0) return;
          const heldBytes = held.reduce((sum, { byteLength }) => sum + byteLength, 0);
          if (heldBytes >= MUCH_SIZE) tellCollector(heldBytes);
          rest(held);
          held = [];
        },
      };
    },
  };
}
