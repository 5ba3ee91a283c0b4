// The fused way of a put: a stream is cut into content-defined chunks, each named by its keyed hash
// and sealed, with one copy in and one out. Cutting and naming follow the copy piece by piece, while
// the bytes are in a core's own cache.

import { LIMITS } from "../base/limits.ts";
import { ChunkScan, putGearTable } from "./chunk-boundary.ts";
import type { CipherTerms } from "./cipher.ts";
import { HASH_SIZE, KEY_SIZE } from "./hash-engine.ts";
import { createHashing } from "./hashing.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { PutChunk, PutPipeline } from "./kernels.ts";
import { createKernelModule } from "./open-kernel-module.ts";
import { requireSize } from "./require-size.ts";
import { TAG_SIZE, WindowMessage } from "./window-message.ts";

const CHUNK_SIZE_MAX = LIMITS.vault.chunkSizeBytesMax;
/** Copied, scanned and hashed at once: what lies behind a cut is copied twice. */
const PIECE_SIZE = 64 * 1024;
const PAGE_SIZE = 65_536;

/** A pipeline over an instance of `compiled` of its own. Ids are hashes under the 32-byte `idKey`. */
export function createPutPipeline(compiled: WebAssembly.Module, idKey: Uint8Array): PutPipeline {
  requireSize("A key of ids", idKey, KEY_SIZE);
  const module = createKernelModule(compiled, CHUNK_SIZE_MAX / PAGE_SIZE);
  putGearTable(module, createHashing(module).deriveKey);
  return new FusedPipeline(module, idKey.slice());
}

class FusedPipeline implements PutPipeline {
  readonly #module: KernelModule;
  readonly #scan: ChunkScan;
  readonly #message: WindowMessage;
  readonly #idKey: Uint8Array<ArrayBuffer>;
  /** Where the chunk is: the memory that was added behind the module's own. */
  readonly #chunk: number;
  #size = 0;
  #whole = false;
  /** Names chunks, so that one that is gone is not sealed. */
  #serial = 0;
  /** Up to where the chunk in hand is sealed: what lies there is ciphertext. */
  #sealedTo = 0;
  #disposed = false;

  constructor(module: KernelModule, idKey: Uint8Array<ArrayBuffer>) {
    this.#module = module;
    this.#scan = new ChunkScan(module);
    this.#message = new WindowMessage(module, 24);
    this.#idKey = idKey;
    this.#chunk = module.bytes.length - CHUNK_SIZE_MAX;
  }

  write(data: Uint8Array): number {
    if (this.#disposed) throw new TypeError("This pipeline was disposed: create another one.");
    this.#serial++;
    let taken = 0;
    while (taken < data.length && !this.#whole) {
      // Pieces end at multiples of their size: whole subtrees of the hash, and where the rule of the cut changes.
      const room = PIECE_SIZE - (this.#size % PIECE_SIZE);
      taken += this.#take(data.subarray(taken, taken + room));
    }
    return taken;
  }

  next(final = false): PutChunk | undefined {
    const serial = ++this.#serial;
    if (!this.#whole && !(final && this.#size > 0)) return undefined;
    const id = this.#takeId();
    const sizeBytes = this.#size;
    this.#size = 0;
    this.#whole = false;
    this.#sealedTo = 0;
    return {
      id,
      sizeBytes,
      sealInto: (terms, start, out) => {
        if (serial !== this.#serial)
          throw new TypeError("This chunk is gone: seal it before the next one is asked for.");
        this.#sealInto(terms, { start, end: start + out.length - TAG_SIZE, sizeBytes }, out);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#serial++;
    this.#size = 0;
    this.#idKey.fill(0);
    this.#module.exports.blake3Wipe();
    this.#module.bytes.fill(0, this.#chunk);
  }

  /** Takes one piece, up to the cut when there is one in it. */
  #take(piece: Uint8Array): number {
    const { exports, bytes } = this.#module;
    const at = this.#chunk + this.#size;
    if (this.#size === 0) this.#startId();
    bytes.set(piece, at);
    const size = this.#scan.next(at, piece.length, this.#size);
    exports.blake3Update(at, size);
    this.#size += size;
    this.#whole = size < piece.length || this.#size === CHUNK_SIZE_MAX;
    return size;
  }

  #startId(): void {
    const { exports, bytes } = this.#module;
    bytes.set(this.#idKey, addressOf(exports.BLAKE3_KEY));
    exports.blake3Start(1);
  }

  #takeId(): Uint8Array<ArrayBuffer> {
    const { exports, bytes, window } = this.#module;
    exports.blake3End();
    exports.blake3Root(window);
    exports.blake3Wipe();
    return bytes.slice(window, window + HASH_SIZE);
  }

  #sealInto(terms: CipherTerms, range: { start: number; end: number; sizeBytes: number }, out: Uint8Array): void {
    const { start, end, sizeBytes } = range;
    if (!Number.isInteger(start) || start < this.#sealedTo || end < start || end > sizeBytes) {
      const expected = `a range from ${this.#sealedTo} on within the chunk's ${sizeBytes} bytes`;
      throw new RangeError(`Expected ${expected}, not ${start} to ${end}.`);
    }
    this.#sealedTo = end;
    this.#message.sealAt(terms, this.#chunk + start, out);
  }
}
