// The contract of BLAKE3: all modes, streams, output of any length, verified parts, and batches.

/** Bytes of a leaf: what a chaining value of {@link Blake3.leafValue} stands for. */
export const LEAF_SIZE = 65_536;

/**
 * BLAKE3 (the BLAKE3 paper, sections 2 and 5). A `key` has 32 bytes; without one the hash is plain.
 * Arguments stay the caller's; results are fresh unless a buffer for them is given.
 */
export interface Blake3 {
  /** The 32-byte hash of `data`. */
  hash(data: Uint8Array, key?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Writes the 32-byte hash of `data` to `out`. */
  hashInto(data: Uint8Array, out: Uint8Array, key?: Uint8Array): void;
  /** A hash that is fed piece by piece. */
  createHasher(key?: Uint8Array): Hasher;
  /** derive_key (section 2.3), its key material fed piece by piece, for the hard-coded `context`. */
  createDeriver(context: string): Hasher;
  /**
   * Writes the 32-byte hash of each input to `hashes`, one behind the other. The inputs lie one behind
   * the other in `inputs`; neighbours of one size, up to 1,024 bytes, are hashed side by side.
   */
  hashBatch(batch: HashBatch, key?: Uint8Array): void;
  /**
   * The 32-byte chaining value of the leaf that begins at byte `leafIndex` x 65,536 of an input of more
   * than one leaf. `leaf` has 65,536 bytes, or 1 or more when it is the last. Leaf by leaf, an input
   * can be verified against its hash: see {@link Blake3.rootOfLeaves}.
   */
  leafValue(leaf: Uint8Array, leafIndex: number, key?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The 32-byte chaining value of the node above two nodes that is not the root. */
  parentValue(left: Uint8Array, right: Uint8Array, key?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The hash of the input whose leaves have these chaining values: two or more, 32 bytes each, one behind the other. */
  rootOfLeaves(leafValues: Uint8Array, key?: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * The place for an input in the kernels' own memory, where it is hashed without a copy. There is
   * one: until it is disposed, another lease throws a `TypeError`.
   */
  lease(): HashLease;
}

/** A hash in progress. `update` as often as needed, then either `digest` or `output`, once. */
export interface Hasher {
  update(data: Uint8Array): Hasher;
  /** The 32-byte hash. */
  digest(): Uint8Array<ArrayBuffer>;
  /** The extended output. */
  output(): HashOutput;
}

/** Output of any length (section 2.6), read in any order. Holds a secret when the hash was keyed or derives a key; disposing forgets it. */
export interface HashOutput extends Disposable {
  /** `size` bytes from byte `position` on, which is below 2^53. */
  read(size: number, position: number): Uint8Array<ArrayBuffer>;
}

/** Many inputs and room for their hashes. */
export interface HashBatch {
  /** Bytes of each input, at most 65,536. */
  readonly sizes: Uint32Array;
  readonly inputs: Uint8Array;
  /** 32 bytes for each input. */
  readonly hashes: Uint8Array;
}

/** An input that is written and hashed where it lies. Its views are the caller's until it is disposed; disposing zeroes them. */
export interface HashLease extends Disposable {
  /** 32 bytes; stays for further inputs. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** 65,536 bytes. */
  readonly input: Uint8Array<ArrayBuffer>;
  /** 32 bytes, written by the calls below. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** Hashes the first `size` bytes of the input. */
  hash(size: number): void;
  /** As {@link HashLease.hash}, under the key. */
  keyedHash(size: number): void;
}
