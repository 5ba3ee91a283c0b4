// BLAKE3: the tree over 1 KiB chunks, incremental, in all three modes, with extendable output.
// BLAKE3 paper, sections 2.1 to 2.6 and 5.1.2. All state is one block of memory, so that the host
// can put a hash aside and take it up again by copying that block.

import {
  CHUNK_END, CHUNK_START, compress, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL, IV, KEYED_HASH, PARENT, ROOT,
} from "./blake3-compress";
import { copy32, wipe } from "./blocks";
import { hashChunks8, hashParents8, wipe8 } from "./blake3-wide";

const BLOCK_SIZE: usize = 64;
const CHUNK_SIZE: usize = 1024;
const CV_SIZE: usize = 32;

/** Subtrees of at most so many chunks are reduced at once; bounds {@link SUBTREE}. */
const SUBTREE_CHUNKS_MAX: usize = 64;

/**
 * A hash in progress:
 *
 *    0  key: 8 words (the IV when there is no key)
 *   32  chaining value of the chunk in progress: 8 words
 *   64  block in progress, zero beyond its size: 64 bytes
 *  128  u64 chunks finished = index of the chunk in progress
 *  136  u32 bytes in the block in progress
 *  140  u32 blocks compressed in the chunk in progress
 *  144  u32 mode flags
 *  148  u32 chaining values on the stack
 *  152  padding
 *  160  stack of subtrees' chaining values, largest subtree first: 55 x 32 bytes (2^64 bytes of
 *       input are 2^54 chunks; merging is lazy, hence one more)
 */
export const BLAKE3_STATE: usize = memory.data(1920, 16);
/** Size of {@link BLAKE3_STATE} in bytes. */
export const BLAKE3_STATE_SIZE: usize = 1920;

const KEY: usize = BLAKE3_STATE;
const CHUNK_CV: usize = BLAKE3_STATE + 32;
const BLOCK: usize = BLAKE3_STATE + 64;
const STACK: usize = BLAKE3_STATE + 160;

/** Where the host puts the 32 bytes of a key. */
export const BLAKE3_KEY: usize = BLAKE3_STATE;

/** The last block of the node being finished, not yet compressed: cv (32), block (64). */
const OUTPUT_CV: usize = memory.data(96, 16);
const OUTPUT_BLOCK: usize = OUTPUT_CV + 32;

/** Chaining values of the subtree in work, reduced in place: 64 x 32 bytes. */
const SUBTREE: usize = memory.data(2048, 16);

function chunkCount(): u64 { return load<u64>(BLAKE3_STATE, 128); }
function setChunkCount(count: u64): void { store<u64>(BLAKE3_STATE, count, 128); }
function blockSize(): u32 { return load<u32>(BLAKE3_STATE, 136); }
function setBlockSize(size: u32): void { store<u32>(BLAKE3_STATE, size, 136); }
function blocksCompressed(): u32 { return load<u32>(BLAKE3_STATE, 140); }
function setBlocksCompressed(count: u32): void { store<u32>(BLAKE3_STATE, count, 140); }
function mode(): u32 { return load<u32>(BLAKE3_STATE, 144); }
function stackLength(): usize { return <usize>load<u32>(BLAKE3_STATE, 148); }
function setStackLength(length: usize): void { store<u32>(BLAKE3_STATE, <u32>length, 148); }
function chunkSize(): usize { return <usize>blocksCompressed() * BLOCK_SIZE + <usize>blockSize(); }
function startFlag(): u32 { return blocksCompressed() == 0 ? CHUNK_START : 0; }

/** Starts a hash: of plain mode, or under the key at {@link BLAKE3_KEY} when `keyed` is not 0. */
export function blake3Start(keyed: i32): void {
  if (!keyed) copy32(KEY, IV);
  start(keyed ? KEYED_HASH : 0);
}

/** Starts derive_key's first half (section 2.3): the hash of the context string. */
export function blake3StartContext(): void {
  copy32(KEY, IV);
  start(DERIVE_KEY_CONTEXT);
}

/** Ends derive_key's first half and starts its second: the hash of the key material. */
export function blake3StartMaterial(): void {
  blake3Finish(KEY, CV_SIZE);
  start(DERIVE_KEY_MATERIAL);
}

function start(flags: u32): void {
  setChunkCount(0);
  store<u32>(BLAKE3_STATE, flags, 144);
  setStackLength(0);
  startChunk();
}

function startChunk(): void {
  copy32(CHUNK_CV, KEY);
  wipe(BLOCK, BLOCK_SIZE);
  setBlockSize(0);
  setBlocksCompressed(0);
}

/** Takes `size` bytes at `input` into the hash. */
export function blake3Update(input: usize, size: usize): void {
  const begun = chunkSize();
  if (begun > 0) {
    const missing = min(CHUNK_SIZE - begun, size);
    updateChunk(input, missing);
    input += missing;
    size -= missing;
    if (size == 0) return;
    outputOfChunk();
    compressOutput(SUBTREE);
    pushChainingValue(SUBTREE, chunkCount());
    setChunkCount(chunkCount() + 1);
    startChunk();
  }
  // The last chunk is never finished here: only the end of input says whether it is the root.
  while (size > CHUNK_SIZE) {
    const chunks = subtreeChunks(size);
    hashSubtree(input, chunks);
    setChunkCount(chunkCount() + chunks);
    input += chunks * CHUNK_SIZE;
    size -= chunks * CHUNK_SIZE;
  }
  if (size > 0) {
    updateChunk(input, size);
    mergeStack(chunkCount());
  }
}

/** Chunks of the largest complete subtree that may start at the chunk in progress and has at most `size` bytes. */
function subtreeChunks(size: usize): usize {
  let chunks = min(<usize>1 << (31 - clz<u32>(<u32>(size / CHUNK_SIZE))), SUBTREE_CHUNKS_MAX);
  while (((<u64>chunks - 1) & chunkCount()) != 0) chunks >>= 1;
  return chunks;
}

/** Takes a subtree of `chunks` (a power of two) onto the stack; as two halves, as its top may be the root. */
function hashSubtree(input: usize, chunks: usize): void {
  const index = chunkCount();
  let done: usize = 0;
  for (; done + 8 <= chunks; done += 8) {
    hashChunks8(input + done * CHUNK_SIZE, index + done, KEY, mode(), SUBTREE + done * CV_SIZE);
  }
  for (; done < chunks; done++) hashChunk(input + done * CHUNK_SIZE, index + done, SUBTREE + done * CV_SIZE);
  if (chunks == 1) {
    pushChainingValue(SUBTREE, index);
    return;
  }
  for (let count = chunks; count > 2; count >>= 1) {
    const parents = count >> 1;
    let made: usize = 0;
    for (; made + 8 <= parents; made += 8) {
      hashParents8(SUBTREE + 2 * made * CV_SIZE, KEY, mode(), SUBTREE + made * CV_SIZE);
    }
    for (; made < parents; made++) {
      compress(KEY, SUBTREE + 2 * made * CV_SIZE, 0, 64, PARENT | mode(), SUBTREE + made * CV_SIZE);
    }
  }
  pushChainingValue(SUBTREE, index);
  pushChainingValue(SUBTREE + CV_SIZE, index + (chunks >> 1));
}

/** Chaining value of one whole chunk that is not the root. */
function hashChunk(input: usize, index: u64, out: usize): void {
  const flags = mode();
  compress(KEY, input, index, 64, flags | CHUNK_START, out);
  for (let block = input + BLOCK_SIZE, last = input + 15 * BLOCK_SIZE; block < last; block += BLOCK_SIZE) {
    compress(out, block, index, 64, flags, out);
  }
  compress(out, input + 15 * BLOCK_SIZE, index, 64, flags | CHUNK_END, out);
}

/** Takes bytes into the chunk in progress, which has room for them. Its last block stays uncompressed. */
function updateChunk(input: usize, size: usize): void {
  while (size > 0) {
    if (blockSize() == <u32>BLOCK_SIZE) {
      compress(CHUNK_CV, BLOCK, chunkCount(), 64, mode() | startFlag(), CHUNK_CV);
      setBlocksCompressed(blocksCompressed() + 1);
      setBlockSize(0);
      wipe(BLOCK, BLOCK_SIZE);
    }
    const taken = min(BLOCK_SIZE - <usize>blockSize(), size);
    memory.copy(BLOCK + blockSize(), input, taken);
    setBlockSize(blockSize() + <u32>taken);
    input += taken;
    size -= taken;
  }
}

/** Puts a subtree on the stack whose first chunk is number `index`. */
function pushChainingValue(cv: usize, index: u64): void {
  mergeStack(index);
  const length = stackLength();
  copy32(STACK + length * CV_SIZE, cv);
  setStackLength(length + 1);
}

/**
 * Merges subtrees on the stack until it is as for `count` finished chunks of which more follow:
 * one entry per bit set. Lazy, as the topmost parent is only known to be no root when more follows.
 */
function mergeStack(count: u64): void {
  const wanted = <usize>popcnt(count);
  while (stackLength() > wanted) {
    const length = stackLength() - 1;
    const left = STACK + (length - 1) * CV_SIZE;
    compress(KEY, left, 0, 64, PARENT | mode(), left);
    setStackLength(length);
  }
}

/** The node being finished: what of its last block is not in {@link OUTPUT_CV}. */
let outputCounter: u64 = 0;
let outputBlockSize: u32 = 0;
let outputFlags: u32 = 0;

function outputOfChunk(): void {
  copy32(OUTPUT_CV, CHUNK_CV);
  copy32(OUTPUT_BLOCK, BLOCK);
  copy32(OUTPUT_BLOCK + 32, BLOCK + 32);
  outputCounter = chunkCount();
  outputBlockSize = blockSize();
  outputFlags = mode() | startFlag() | CHUNK_END;
}

function outputOfParent(left: usize, right: usize): void {
  copy32(OUTPUT_BLOCK, left);
  copy32(OUTPUT_BLOCK + CV_SIZE, right);
  copy32(OUTPUT_CV, KEY);
  outputCounter = 0;
  outputBlockSize = 64;
  outputFlags = mode() | PARENT;
}

function compressOutput(out: usize): void {
  compress(OUTPUT_CV, OUTPUT_BLOCK, outputCounter, outputBlockSize, outputFlags, out);
}

/**
 * Writes the first `size` bytes of the hash's output to `out`, which has room for `size` rounded
 * up to 64. The hash may neither be updated nor finished again.
 */
export function blake3Finish(out: usize, size: usize): void {
  let left = stackLength();
  if (left == 0 || chunkSize() > 0) {
    outputOfChunk();
  } else {
    left -= 2;
    outputOfParent(STACK + left * CV_SIZE, STACK + (left + 1) * CV_SIZE);
  }
  while (left > 0) {
    left--;
    compressOutput(SUBTREE);
    outputOfParent(STACK + left * CV_SIZE, SUBTREE);
  }
  outputFlags |= ROOT;
  for (let offset: usize = 0; offset < size; offset += 64) {
    outputCounter = <u64>(offset >> 6);
    compressOutput(out + offset);
  }
}

/** Forgets every byte of the hash: keys, chaining values and input. What only hashes of more than one chunk fill, only they pay for. */
export function blake3Wipe(): void {
  const single = stackLength() == 0;
  wipe(BLAKE3_STATE, STACK - BLAKE3_STATE);
  wipe(OUTPUT_CV, 96);
  if (single) return;
  wipe(STACK, BLAKE3_STATE + BLAKE3_STATE_SIZE - STACK);
  wipe(SUBTREE, SUBTREE_CHUNKS_MAX * CV_SIZE);
  wipe8();
}
