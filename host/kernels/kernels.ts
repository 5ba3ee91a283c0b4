// The door to the WASM crypto core: typed, checked, synchronous. One instance, one linear memory.

import type { Blake3, Hasher } from "./blake3.ts";
import type { Cipher, CipherTerms } from "./cipher.ts";

export type { Hasher } from "./blake3.ts";

/** Opens and closes sealed bytes, hashes, codes against loss, and finds chunk boundaries. All calls are synchronous and copy in and out: arguments stay the caller's, results are fresh. */
export interface Kernels {
  /** BLAKE3 hash of `data`: 32 bytes. */
  hash(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** BLAKE3 keyed hash (spec 2.3) under a 32-byte `key`: 32 bytes. */
  keyedHash(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** BLAKE3 derive_key (spec 2.3): `size` bytes (default 32) for the hard-coded ASCII `context` and secret `material`. */
  deriveKey(context: string, material: Uint8Array, size?: number): Uint8Array<ArrayBuffer>;
  /** A streaming BLAKE3 hash, keyed when a 32-byte `key` is given. */
  createHasher(key?: Uint8Array): Hasher;
  /** All that BLAKE3 can: into given buffers, extended output, parts of the tree, batches. */
  readonly blake3: Blake3;
  /** SHA-256 (FIPS 180-4) of `data`: 32 bytes. */
  sha256(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): ciphertext followed by the 16-byte tag. `key` 32 bytes, `nonce` 24 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, additionalData?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The plaintext of {@link Kernels.seal}. Throws `TWIN_SEAL_BROKEN` when key, nonce, data or tag do not fit; nothing is released then. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additionalData?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** ChaCha20-Poly1305 (RFC 8439): nonces of 12 bytes, for protocols that count them. */
  readonly chacha20poly1305: Cipher;
  /** XChaCha20-Poly1305: nonces of 24 bytes, which may be random. {@link Kernels.seal} and {@link Kernels.open} are its. */
  readonly xchacha20poly1305: Cipher;
  /** A systematic Reed-Solomon code over GF(2^8) for `dataCount` + `parityCount` <= 255 shards; same arguments, same code, for ever. */
  createErasureCode(dataCount: number, parityCount: number): ErasureCode;
  /**
   * Size in bytes of the first content-defined chunk of `data` (gear hash, normalised as in FastCDC),
   * at most `data.length`. When `data` is shorter than the maximum chunk and more bytes may
   * follow, the result is only final if it is less than `data.length`.
   */
  chunkBoundary(data: Uint8Array): number;
  /** Chunking, naming and sealing of streams in one pass, with an instance and about 5.2 MiB of its own. Ids are hashes under the 32-byte `idKey`. */
  createPutPipeline(idKey: Uint8Array): PutPipeline;
}

/** Cuts, names and seals one stream after the other. Holds about 5.2 MiB until it is collected: keep it. */
export interface PutPipeline extends Disposable {
  /**
   * Takes bytes of the stream from the beginning of `data` and returns how many: not all of them when
   * a chunk has become whole. Ask {@link PutPipeline.next} for it, then go on behind them.
   */
  write(data: Uint8Array): number;
  /** The chunk that is whole; with `final`, also the last one of a stream, which ends there. `undefined` when there is none. */
  next(final?: boolean): PutChunk | undefined;
}

/** A chunk in the pipeline's memory, valid until the next `write` or `next`. */
export interface PutChunk {
  /** Keyed BLAKE3 hash: 32 bytes, fresh. */
  readonly id: Uint8Array<ArrayBuffer>;
  readonly sizeBytes: number;
  /**
   * Seals `out.length` - 16 bytes of the chunk from byte `start` on, in place, with
   * XChaCha20-Poly1305, and writes them and their tag to `out`. Ranges come in order: no byte is
   * sealed twice.
   */
  sealInto(terms: CipherTerms, start: number, out: Uint8Array): void;
}

/** One Reed-Solomon code. All shards of a call have one size, 1 byte or more. */
export interface ErasureCode {
  readonly dataCount: number;
  readonly parityCount: number;
  /** The parity shards of `data` (exactly `dataCount` of them), fresh, in order. */
  encode(data: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[];
  /** Writes the parity shards of `data` into `parity` (exactly `parityCount` buffers of the shards' size, which may not overlap `data`). */
  encodeInto(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void;
  /** Whether the parity shards are those of the data shards: all `dataCount + parityCount` of them, data first. Not in constant time. */
  verify(shards: readonly Uint8Array[]): boolean;
  /**
   * All `dataCount + parityCount` shards from those that are left (`undefined` where lost): given
   * ones are passed through, lost ones are fresh. Throws `TWIN_CODE_LOST` when fewer than
   * `dataCount` are left.
   */
  reconstruct(shards: readonly (Uint8Array | undefined)[]): Uint8Array[];
  /** Makes the shards of the indices `lost` from the others, in their own buffers. `shards` are all of them, and do not overlap. Throws as {@link ErasureCode.reconstruct}. */
  reconstructInto(shards: readonly Uint8Array[], lost: readonly number[]): void;
  /**
   * Room for one set of shards of `sizeBytes` (a multiple of 128) that is coded where it lies: nothing
   * is copied. It holds its memory until it is collected: keep a set and fill it again.
   */
  createShardSet(sizeBytes: number): ShardSet;
}

/** Shards in memory of their own, coded in place. */
export interface ShardSet {
  /** Views of all shards, data first: write the data here, read the parity here. */
  readonly shards: readonly Uint8Array<ArrayBuffer>[];
  /** Makes the parity shards of the data shards. */
  encode(): void;
  /** Whether the parity shards are those of the data shards. */
  verify(): boolean;
  /** Makes the shards of the indices `lost` from the others. Throws `TWIN_CODE_LOST` when too few are left. */
  reconstruct(lost: readonly number[]): void;
}
