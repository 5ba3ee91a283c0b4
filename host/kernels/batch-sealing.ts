// Many small messages in few calls: as many as fit the window are sealed or opened at once.

import type { Cipher, MessageBatch } from "./cipher.ts";
import type { KernelModule } from "./kernel-module.ts";
import { requireSize } from "./require-size.ts";
import { extendedOf, KEY_SIZE, sealBroken, TAG_SIZE } from "./window-message.ts";

/** Key at the head of a batch in memory. */
const HEAD_SIZE = 64;
const MESSAGE_SIZE_MAX = 65_536;
/** Messages and bytes that pass through the window at once; a core's own cache holds them. */
const GROUP_COUNT_MAX = 2_048;
const GROUP_SIZE_MAX = 131_072;

/** Some messages of a batch, one behind the other. */
interface Group {
  /** Index of the first message, and of the one behind the last. */
  readonly start: number;
  readonly end: number;
  /** Their slots. */
  readonly slots: Uint8Array;
}

/** The doors for batches of a cipher. */
export function createBatchSealing(module: KernelModule, nonceSize: 12 | 24): Pick<Cipher, "sealBatch" | "openBatch"> {
  const { exports, bytes, window } = module;
  const extended = extendedOf(nonceSize);

  /** Puts the group in the window and returns where its slots are. */
  const put = (key: Uint8Array, batch: MessageBatch, { start, end, slots }: Group): number => {
    const sizes = batch.sizes.subarray(start, end);
    const sizesAt = window + HEAD_SIZE;
    const noncesAt = sizesAt + sizes.byteLength;
    const slotsAt = noncesAt + sizes.length * nonceSize;
    bytes.set(key, window);
    bytes.set(new Uint8Array(sizes.buffer, sizes.byteOffset, sizes.byteLength), sizesAt);
    bytes.set(batch.nonces.subarray(start * nonceSize, end * nonceSize), noncesAt);
    bytes.set(slots, slotsAt);
    return slotsAt;
  };

  return {
    sealBatch(key, batch) {
      requireBatch(key, batch, nonceSize);
      for (const group of groupsOf(batch)) {
        const slotsAt = put(key, batch, group);
        exports.aeadSealBatch(window, extended, group.end - group.start);
        group.slots.set(bytes.subarray(slotsAt, slotsAt + group.slots.length));
        exports.aeadWipeMessage(window, 0);
      }
    },
    openBatch(key, batch) {
      requireBatch(key, batch, nonceSize);
      let brokenCount = 0;
      let firstBroken = -1;
      for (const group of groupsOf(batch)) {
        const slotsAt = put(key, batch, group);
        const count = exports.aeadOpenBatch(window, extended, group.end - group.start);
        group.slots.set(bytes.subarray(slotsAt, slotsAt + group.slots.length));
        if (count > 0 && brokenCount === 0) firstBroken = firstBrokenOf(module, group);
        brokenCount += count;
        exports.aeadWipeMessage(window, 0);
        bytes.fill(0, slotsAt, slotsAt + group.slots.length);
      }
      if (brokenCount > 0) throw sealBroken({ brokenCount, firstBroken });
    },
  };
}

/** Index of the first message of a group that did not open: 2^32 - 1 stands in place of its size. */
function firstBrokenOf({ bytes, window }: KernelModule, { start, end }: Group): number {
  const sizes = new DataView(bytes.buffer, window + HEAD_SIZE, 4 * (end - start));
  let index = 0;
  while (sizes.getUint32(4 * index, true) !== 0xffff_ffff) index++;
  return start + index;
}

function* groupsOf({ sizes, slots }: MessageBatch): Generator<Group, void, undefined> {
  let offset = 0;
  for (let start = 0; start < sizes.length;) {
    let end = start;
    let size = 0;
    while (end < sizes.length && end - start < GROUP_COUNT_MAX) {
      const slotSize = sizes[end]! + TAG_SIZE;
      if (end > start && size + slotSize > GROUP_SIZE_MAX) break;
      size += slotSize;
      end++;
    }
    yield { start, end, slots: slots.subarray(offset, offset + size) };
    offset += size;
    start = end;
  }
}

function requireBatch(key: Uint8Array, { nonces, sizes, slots }: MessageBatch, nonceSize: number): void {
  requireSize("A key", key, KEY_SIZE);
  requireSize("The nonces of this batch", nonces, sizes.length * nonceSize);
  let total = 0;
  for (const size of sizes) {
    if (size > MESSAGE_SIZE_MAX)
      throw new RangeError(`A message of a batch has at most ${MESSAGE_SIZE_MAX} bytes, not ${size}.`);
    total += size + TAG_SIZE;
  }
  requireSize("The slots of this batch", slots, total);
}
