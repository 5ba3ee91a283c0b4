// Many inputs in few calls: as many as fit the window are hashed at once.

import type { Blake3, HashBatch } from "./blake3.ts";
import { HASH_SIZE, type HashEngine, KEY_SIZE } from "./hash-engine.ts";
import { requireSize } from "./require-size.ts";

const INPUT_SIZE_MAX = 65_536;
/** Inputs and their bytes that pass through the window at once; a core's own cache holds them. */
const GROUP_COUNT_MAX = 2_048;
const GROUP_SIZE_MAX = 131_072;
/** Where the window has room for a group's hashes. */
const HASHES_OFFSET = 512 * 1024;

/** The door for batches. */
export function createBatchHashing(engine: HashEngine): Blake3["hashBatch"] {
  const { exports, bytes, window } = engine.module;

  /** Hashes inputs `start` to `end`, which begin at byte `offset` and have `size` bytes in all. */
  const hashGroup = (batch: HashBatch, key: Uint8Array | undefined, group: Group): void => {
    const { start, end, offset, size } = group;
    const sizes = batch.sizes.subarray(start, end);
    const inputsAt = window + KEY_SIZE + sizes.byteLength;
    const hashesAt = window + HASHES_OFFSET;
    if (key !== undefined) bytes.set(key, window);
    bytes.set(new Uint8Array(sizes.buffer, sizes.byteOffset, sizes.byteLength), window + KEY_SIZE);
    bytes.set(batch.inputs.subarray(offset, offset + size), inputsAt);
    exports.blake3Batch(window, end - start, key === undefined ? 0 : 1, hashesAt);
    const hashesSize = (end - start) * HASH_SIZE;
    batch.hashes.set(bytes.subarray(hashesAt, hashesAt + hashesSize), start * HASH_SIZE);
    exports.blake3Wipe();
    bytes.fill(0, window, inputsAt + size);
    bytes.fill(0, hashesAt, hashesAt + hashesSize);
  };

  return (batch, key) => {
    if (key !== undefined) requireSize("A BLAKE3 key", key, KEY_SIZE);
    requireBatch(batch);
    engine.claim(undefined);
    for (const group of groupsOf(batch.sizes)) hashGroup(batch, key, group);
  };
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly size: number;
}

function* groupsOf(sizes: Uint32Array): Generator<Group, void, undefined> {
  let offset = 0;
  for (let start = 0; start < sizes.length;) {
    let end = start;
    let size = 0;
    while (
      end < sizes.length &&
      end - start < GROUP_COUNT_MAX &&
      (end === start || size + sizes[end]! <= GROUP_SIZE_MAX)
    ) {
      size += sizes[end]!;
      end++;
    }
    yield { start, end, offset, size };
    offset += size;
    start = end;
  }
}

function requireBatch({ sizes, inputs, hashes }: HashBatch): void {
  let total = 0;
  for (const size of sizes) {
    if (size > INPUT_SIZE_MAX)
      throw new RangeError(`An input of a batch has at most ${INPUT_SIZE_MAX} bytes, not ${size}.`);
    total += size;
  }
  requireSize("The inputs of this batch", inputs, total);
  requireSize("The room for the hashes of this batch", hashes, sizes.length * HASH_SIZE);
}
