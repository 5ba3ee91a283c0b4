// BLAKE3: the tree over 1 KiB chunks, incremental, in all three modes, with extendable output.
// BLAKE3 paper, sections 2.1 to 2.6 and 5.1.2. All state is one block of memory, so that the host
// can put a hash aside and take it up again by copying that block.

import {
  CHUNK_END, CHUNK_START, compress, compressRun, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL, FULL_OUTPUT, IV, KEYED_HASH, PARENT, ROOT,
} from "./blake3-compress";
import { hashChunks, hashInputs, hashParents, LANES, LANES_MAX, wipeLanes } from "./blake3-wide";
import { copy32, copyFew, wipe } from "./blocks";

const BLOCK_SIZE: usize = 64;
const CHUNK_SIZE: usize = 1024;
const CV_SIZE: usize = 32;

/** Subtrees of at most so many chunks are reduced at once; bounds {@link SUBTREE}. */
const SUBTREE_CHUNKS_MAX: usize = 64;
/** Fewer chunks or nodes than this are faster one after the other than side by side. */
const LANES_MIN: usize = 3;

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
 *  152  u64 chunks of the input before the first of this subtree; 0 but for a part of a larger tree
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

/**
 * The last node of a hash, of which output is made block by block:
 *
 *    0  chaining value: 8 words
 *   32  block: 64 bytes
 *   96  u64 counter, where the node is no root
 *  104  u32 size of the block
 *  108  u32 flags
 */
export const BLAKE3_NODE: usize = memory.data(112, 16);
/** Size of {@link BLAKE3_NODE} in bytes. */
export const BLAKE3_NODE_SIZE: usize = 112;
const NODE_BLOCK: usize = BLAKE3_NODE + 32;

/** Chaining values of the subtree in work, reduced in place: 64 x 32 bytes. */
const SUBTREE: usize = memory.data(2048, 16);

/** Whether the stack, {@link SUBTREE} or the lanes were used since the last wipe. */
let wide: bool = false;

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
function firstChunk(): u64 { return load<u64>(BLAKE3_STATE, 152); }
/** Index in the whole input of chunk `count` of this subtree. */
function chunkIndex(count: u64): u64 { return firstChunk() + count; }
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
  blake3End();
  blake3Root(KEY);
  start(DERIVE_KEY_MATERIAL);
}

/**
 * As {@link blake3Start}, for a part of a larger input that begins `chunk` chunks into it: a multiple
 * of the part's own size, rounded up to a power of two.
 */
export function blake3StartSubtree(keyed: i32, chunk: f64): void {
  blake3Start(keyed);
  store<u64>(BLAKE3_STATE, <u64>chunk, 152);
}

function start(flags: u32): void {
  setChunkCount(0);
  store<u64>(BLAKE3_STATE, 0, 152);
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
    nodeOfChunk();
    chainingValue(SUBTREE);
    pushChainingValue(SUBTREE, chunkCount());
    setChunkCount(chunkCount() + 1);
    startChunk();
  }
  // The last chunk is never finished here: only the end of input says whether it is the root.
  while (size > CHUNK_SIZE) {
    const subtree = subtreeChunks(size);
    const chunks = subtree < LANES_MAX ? hashRow(input, size) : hashSubtree(input, subtree);
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

/** Takes the whole chunks of `size` bytes onto the stack one by one, up to the next multiple of 8. Returns how many. None is the root: the input has more than one chunk. */
function hashRow(input: usize, size: usize): usize {
  const index = chunkCount();
  const chunks = min(LANES_MAX - (<usize>index & (LANES_MAX - 1)), size / CHUNK_SIZE);
  if (chunks >= LANES_MIN) {
    hashChunks(input, chunks, chunkIndex(index), KEY, mode(), SUBTREE);
  } else {
    for (let done: usize = 0; done < chunks; done++) {
      hashChunk(input + done * CHUNK_SIZE, chunkIndex(index + done), SUBTREE + done * CV_SIZE);
    }
  }
  for (let done: usize = 0; done < chunks; done++) pushChainingValue(SUBTREE + done * CV_SIZE, index + done);
  return chunks;
}

/** Takes a subtree of `chunks` (a power of two, 8 or more) onto the stack; as two halves, as its top may be the root. Returns `chunks`. */
function hashSubtree(input: usize, chunks: usize): usize {
  const index = chunkCount();
  for (let done: usize = 0; done < chunks; done += LANES_MAX) {
    hashChunks(input + done * CHUNK_SIZE, LANES_MAX, chunkIndex(index + done), KEY, mode(), SUBTREE + done * CV_SIZE);
  }
  for (let count = chunks; count > 2; count >>= 1) {
    const parents = count >> 1;
    for (let made: usize = 0; made < parents; made += LANES_MAX) {
      hashParentRow(SUBTREE + 2 * made * CV_SIZE, min(parents - made, LANES_MAX), SUBTREE + made * CV_SIZE);
    }
  }
  pushChainingValue(SUBTREE, index);
  pushChainingValue(SUBTREE + CV_SIZE, index + (chunks >> 1));
  return chunks;
}

/** Chaining values of up to 8 parents, to `out`, which may be `children`. */
function hashParentRow(children: usize, parents: usize, out: usize): void {
  if (parents >= LANES_MIN) {
    hashParents(children, parents, KEY, mode(), out);
    return;
  }
  for (let made: usize = 0; made < parents; made++) {
    compress(KEY, children + 2 * made * CV_SIZE, 0, 64, PARENT | mode(), out + made * CV_SIZE);
  }
}

/** Chaining value of one whole chunk that is not the root. */
function hashChunk(input: usize, index: u64, out: usize): void {
  compressRun(KEY, input, 15, index, 64, mode() | CHUNK_START, out);
  compress(out, input + 15 * BLOCK_SIZE, index, 64, mode() | CHUNK_END, out);
}

/** Takes bytes into the chunk in progress, which has room for them. Its last block stays uncompressed. */
function updateChunk(input: usize, size: usize): void {
  while (size > 0) {
    if (blockSize() == <u32>BLOCK_SIZE) {
      compressBlocks(BLOCK, 1);
      setBlockSize(0);
      wipe(BLOCK, BLOCK_SIZE);
    }
    if (blockSize() == 0 && size > BLOCK_SIZE) {
      const blocks = (size - 1) / BLOCK_SIZE;
      compressBlocks(input, blocks);
      input += blocks * BLOCK_SIZE;
      size -= blocks * BLOCK_SIZE;
    }
    const taken = min(BLOCK_SIZE - <usize>blockSize(), size);
    memory.copy(BLOCK + blockSize(), input, taken);
    setBlockSize(blockSize() + <u32>taken);
    input += taken;
    size -= taken;
  }
}

/** Takes whole blocks into the chunk in progress. */
function compressBlocks(input: usize, count: usize): void {
  compressRun(CHUNK_CV, input, count, chunkIndex(chunkCount()), 64, mode() | startFlag(), CHUNK_CV);
  setBlocksCompressed(blocksCompressed() + <u32>count);
}

/** Puts a subtree on the stack whose first chunk is number `index`. */
function pushChainingValue(cv: usize, index: u64): void {
  wide = true;
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

function setNode(counter: u64, size: u32, flags: u32): void {
  store<u64>(BLAKE3_NODE, counter, 96);
  store<u32>(BLAKE3_NODE, size, 104);
  store<u32>(BLAKE3_NODE, flags, 108);
}

function nodeOfChunk(): void {
  copy32(BLAKE3_NODE, CHUNK_CV);
  copy32(NODE_BLOCK, BLOCK);
  copy32(NODE_BLOCK + 32, BLOCK + 32);
  setNode(chunkIndex(chunkCount()), blockSize(), mode() | startFlag() | CHUNK_END);
}

function nodeOfParent(left: usize, right: usize): void {
  copy32(NODE_BLOCK, left);
  copy32(NODE_BLOCK + CV_SIZE, right);
  copy32(BLAKE3_NODE, KEY);
  setNode(0, 64, mode() | PARENT);
}

/** Writes the chaining value of the node at {@link BLAKE3_NODE}; its flags are `extra` more than its own. */
function chainingValue(out: usize, extra: u32 = 0): void {
  const size = load<u32>(BLAKE3_NODE, 104), flags = load<u32>(BLAKE3_NODE, 108) | extra;
  compress(BLAKE3_NODE, NODE_BLOCK, load<u64>(BLAKE3_NODE, 96), size, flags, out);
}

/** Ends the input: brings the last node to {@link BLAKE3_NODE}. The hash may neither be updated nor ended again. */
export function blake3End(): void {
  let left = stackLength();
  if (left == 0 || chunkSize() > 0) {
    nodeOfChunk();
  } else {
    left -= 2;
    nodeOfParent(STACK + left * CV_SIZE, STACK + (left + 1) * CV_SIZE);
  }
  while (left > 0) {
    left--;
    chainingValue(SUBTREE);
    nodeOfParent(STACK + left * CV_SIZE, SUBTREE);
  }
}

/** Makes the node at {@link BLAKE3_NODE} the parent of the 64 bytes of chaining values at `children`, keyed by {@link BLAKE3_KEY} when `keyed`. */
export function blake3Join(keyed: i32, children: usize): void {
  blake3Start(keyed);
  nodeOfParent(children, children + CV_SIZE);
}

/** Writes the 32-byte hash that the node at {@link BLAKE3_NODE} is as the root. */
export function blake3Root(out: usize): void {
  chainingValue(out, ROOT);
}

/** Writes the 32-byte chaining value that the node at {@link BLAKE3_NODE} is below the root. */
export function blake3Value(out: usize): void {
  chainingValue(out);
}

/** Writes `count` blocks of 64 bytes of the output of the root at {@link BLAKE3_NODE}, from block `first` on (below 2^53). */
export function blake3Squeeze(first: f64, count: usize, out: usize): void {
  const size = load<u32>(BLAKE3_NODE, 104), flags = load<u32>(BLAKE3_NODE, 108) | ROOT | FULL_OUTPUT;
  let counter = <u64>first;
  for (const end = out + count * 64; out < end; out += 64) {
    compress(BLAKE3_NODE, NODE_BLOCK, counter, size, flags, out);
    counter++;
  }
}

/**
 * The 32-byte hash of the `size` (at most 1,024) bytes at `input` in one call, beside a hash in
 * progress. Keyed by the 32 bytes at `key`, or plain when that is 0.
 */
export function blake3Short(input: usize, size: usize, key: usize, out: usize): void {
  const keyed = key != 0;
  const flags = keyed ? KEYED_HASH : 0;
  let cv = keyed ? key : IV;
  let start = CHUNK_START;
  if (size > BLOCK_SIZE) {
    const blocks = (size - 1) / BLOCK_SIZE;
    compressRun(cv, input, blocks, 0, 64, flags | start, out);
    cv = out;
    start = 0;
    input += blocks * BLOCK_SIZE;
    size -= blocks * BLOCK_SIZE;
  }
  if (size == BLOCK_SIZE) {
    compress(cv, input, 0, 64, flags | start | CHUNK_END | ROOT, out);
    return;
  }
  copyFew(LAST_BLOCK, input, size);
  compress(cv, LAST_BLOCK, 0, <u32>size, flags | start | CHUNK_END | ROOT, out);
  wipe(LAST_BLOCK, BLOCK_SIZE);
}

/** The last, padded block of a short input; zero between calls. */
const LAST_BLOCK: usize = memory.data(64, 16);

/**
 * Writes the 32-byte hashes of the `count` inputs at `batch` to `out`, beside no hash in progress:
 *
 *   0  key: 32 bytes, used when `keyed`
 *  32  size of each input: u32
 *      inputs, one behind the other
 *
 * Neighbours of one size, up to 1,024 bytes, go side by side.
 */
export function blake3Batch(batch: usize, count: usize, keyed: i32, out: usize): void {
  wide = true;
  const key = keyed ? batch : 0;
  const sizes = batch + 32;
  let input = sizes + 4 * count;
  let index: usize = 0;
  while (index < count) {
    const size = <usize>load<u32>(sizes + 4 * index);
    const run = size <= CHUNK_SIZE ? runOf(sizes + 4 * index, min(count - index, LANES_MAX)) : 1;
    if (run >= LANES_MIN) {
      for (let lane: usize = 0; lane < LANES_MAX; lane++) store<u32>(LANES + 4 * lane, <u32>(input + min(lane, run - 1) * size));
      hashInputs(run, size, keyed ? key : IV, keyed ? KEYED_HASH : 0, out);
      index += run;
      input += run * size;
      out += run * CV_SIZE;
      continue;
    }
    if (size <= CHUNK_SIZE) blake3Short(input, size, key, out);
    else hashLong(input, size, key, out);
    index++;
    input += size;
    out += CV_SIZE;
  }
}

/** How many of the first `most` sizes are like the first. */
function runOf(sizes: usize, most: usize): usize {
  const size = load<u32>(sizes);
  let run: usize = 1;
  while (run < most && load<u32>(sizes + 4 * run) == size) run++;
  return run;
}

function hashLong(input: usize, size: usize, key: usize, out: usize): void {
  if (key != 0) copy32(KEY, key);
  blake3Start(i32(key != 0));
  blake3Update(input, size);
  blake3End();
  blake3Root(out);
}

/** Forgets every byte of the hash: keys, chaining values and input. What only hashes of more than one chunk fill, only they pay for. */
export function blake3Wipe(): void {
  // Another hash may have been wiped since this one began: its stack came back with its state.
  const stacked = stackLength() > 0;
  wipe(BLAKE3_STATE, STACK - BLAKE3_STATE);
  wipe(BLAKE3_NODE, 112);
  if (!wide && !stacked) return;
  wipe(STACK, BLAKE3_STATE + BLAKE3_STATE_SIZE - STACK);
  wipe(SUBTREE, SUBTREE_CHUNKS_MAX * CV_SIZE);
  wipeLanes();
  wide = false;
}

/** Forgets `size` bytes, rounded up to 16, at `address`. */
export function forget(address: usize, size: usize): void {
  wipe(address, (size + 15) & ~15);
}

/** Where the host keeps what it hashes without a copy: key (32), hash (32), input (65,536). */
export const BLAKE3_LEASE: usize = memory.data(65600, 64);
