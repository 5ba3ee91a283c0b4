// The door to BLAKE3. The module holds the state of one hash; a hasher that is not the one in the
// module keeps its state aside, and it is exchanged when another one is used.

import { utf8Encode } from "../base/bytes.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { Hasher, Kernels } from "./kernels.ts";
import { requireSize } from "./require-size.ts";

const KEY_SIZE = 32;
const HASH_SIZE = 32;
/** Output is made in whole blocks. */
const BLOCK_SIZE = 64;
/** What passes through the window at once: large enough to pay for the call, small enough for a core's own cache. */
const PIECE_SIZE = 128 * 1024;

/** The doors that hash. */
export type Hashing = Pick<Kernels, "hash" | "keyedHash" | "deriveKey" | "createHasher">;

/** A hash in progress whose state is in the module or set aside. */
interface HashState {
  /** Its state while another hash is in the module. */
  aside: Uint8Array<ArrayBuffer> | undefined;
}

/** BLAKE3 over `module`. */
export function createHashing(module: KernelModule): Hashing {
  const { exports } = module;
  const engine = new HashEngine(module);

  return {
    hash(data) {
      engine.claim(undefined);
      engine.start(undefined);
      engine.update(data);
      return engine.finish(HASH_SIZE);
    },
    keyedHash(key, data) {
      requireSize("A BLAKE3 key", key, KEY_SIZE);
      engine.claim(undefined);
      engine.start(key);
      engine.update(data);
      return engine.finish(HASH_SIZE);
    },
    deriveKey(context, material, size = HASH_SIZE) {
      if (!Number.isInteger(size) || size < 1 || size > module.windowSize) {
        throw new RangeError(`A derived key has 1 to ${module.windowSize} bytes, not ${size}.`);
      }
      engine.claim(undefined);
      exports.blake3StartContext();
      engine.update(utf8Encode(context));
      exports.blake3StartMaterial();
      engine.update(material);
      return engine.finish(size);
    },
    createHasher(key) {
      if (key !== undefined) requireSize("A BLAKE3 key", key, KEY_SIZE);
      return new Blake3Hasher(engine, key);
    },
  };
}

/** The module's one place for a hash in progress, and who has it. */
class HashEngine {
  readonly #module: KernelModule;
  readonly #state: Uint8Array<ArrayBuffer>;
  #holder: HashState | undefined;
  /** The longest piece in the window since it was last wiped. */
  #pieceSizeMax = 0;

  constructor(module: KernelModule) {
    this.#module = module;
    const address = addressOf(module.exports.BLAKE3_STATE);
    this.#state = module.bytes.subarray(address, address + addressOf(module.exports.BLAKE3_STATE_SIZE));
  }

  /** Makes the module's state that of `claimant`; `undefined` claims it for a hash that starts and ends in one call. */
  claim(claimant: HashState | undefined): void {
    if (claimant !== undefined && claimant === this.#holder) return;
    if (this.#holder !== undefined) this.#holder.aside = this.#state.slice();
    this.#holder = claimant;
    if (claimant?.aside === undefined) return;
    this.#state.set(claimant.aside);
    claimant.aside.fill(0);
    claimant.aside = undefined;
  }

  /** Starts a hash, keyed when there is a key. */
  start(key: Uint8Array | undefined): void {
    if (key !== undefined) this.#module.bytes.set(key, addressOf(this.#module.exports.BLAKE3_KEY));
    this.#module.exports.blake3Start(key === undefined ? 0 : 1);
  }

  update(data: Uint8Array): void {
    const { exports, bytes, window } = this.#module;
    this.#pieceSizeMax = Math.max(this.#pieceSizeMax, Math.min(data.length, PIECE_SIZE));
    if (data.length <= PIECE_SIZE) {
      bytes.set(data, window);
      exports.blake3Update(window, data.length);
      return;
    }
    for (let offset = 0; offset < data.length; offset += PIECE_SIZE) {
      const piece = data.subarray(offset, offset + PIECE_SIZE);
      bytes.set(piece, window);
      exports.blake3Update(window, piece.length);
    }
  }

  finish(size: number): Uint8Array<ArrayBuffer> {
    const { exports, bytes, window } = this.#module;
    exports.blake3Finish(window, size);
    const output = bytes.slice(window, window + size);
    exports.blake3Wipe();
    // Key material, data to be sealed, a derived key: the window may hold any of them.
    const written = Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE;
    bytes.fill(0, window, window + Math.max(written, this.#pieceSizeMax));
    this.#pieceSizeMax = 0;
    this.#holder = undefined;
    return output;
  }
}

class Blake3Hasher implements Hasher, HashState {
  aside: Uint8Array<ArrayBuffer> | undefined;
  readonly #engine: HashEngine;
  #finished = false;

  constructor(engine: HashEngine, key: Uint8Array | undefined) {
    this.#engine = engine;
    engine.claim(this);
    engine.start(key);
  }

  update(data: Uint8Array): Hasher {
    this.#claim();
    this.#engine.update(data);
    return this;
  }

  digest(): Uint8Array<ArrayBuffer> {
    this.#claim();
    this.#finished = true;
    return this.#engine.finish(HASH_SIZE);
  }

  #claim(): void {
    if (this.#finished) throw new TypeError("This hasher has given its digest: create a new one for the next hash.");
    this.#engine.claim(this);
  }
}
