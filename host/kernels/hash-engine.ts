// The module's one place for a hash in progress, and who has it: a hasher that is not the one in the
// module keeps its state aside, and it is exchanged when another one is used.

import { copyBytes } from "../base/bytes.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import { requireSize } from "./require-size.ts";

/** Bytes of a hash. */
export const HASH_SIZE = 32;
/** Bytes of a key. */
export const KEY_SIZE = 32;
/** Up to here, an input takes one call: it is one chunk. */
export const SHORT_SIZE_MAX = 1_024;
/** What passes through the window at once: large enough to pay for the call, small enough for a core's own cache. */
const PIECE_SIZE = 128 * 1024;

/** A hash in progress whose state is in the module or set aside. */
export interface HashState {
  /** Its state while another hash is in the module. */
  aside: Uint8Array<ArrayBuffer> | undefined;
}

/** Hashes in one module, one at a time. */
export class HashEngine {
  readonly module: KernelModule;
  /** Where results are left: behind what passes through the window. */
  readonly out: number;
  readonly #state: Uint8Array<ArrayBuffer>;
  readonly #key: number;
  readonly #digest: Uint8Array<ArrayBuffer>;
  #holder: HashState | undefined;
  /** The longest piece in the window since it was last wiped. */
  #pieceSizeMax = 0;

  constructor(module: KernelModule) {
    const { exports, bytes, window } = module;
    this.module = module;
    this.out = window + PIECE_SIZE;
    this.#digest = bytes.subarray(this.out, this.out + HASH_SIZE);
    const address = addressOf(exports.BLAKE3_STATE);
    this.#state = bytes.subarray(address, address + addressOf(exports.BLAKE3_STATE_SIZE));
    this.#key = addressOf(exports.BLAKE3_KEY);
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

  /** Puts a key in place for a start that is keyed; returns how the module is told so. */
  putKey(key: Uint8Array | undefined): 0 | 1 {
    if (key === undefined) return 0;
    requireSize("A BLAKE3 key", key, KEY_SIZE);
    this.module.bytes.set(key, this.#key);
    return 1;
  }

  /** Takes `data` into the hash that was claimed and started. */
  update(data: Uint8Array): void {
    const { exports, bytes, window } = this.module;
    this.#pieceSizeMax = Math.max(this.#pieceSizeMax, Math.min(data.length, PIECE_SIZE));
    if (data.length <= PIECE_SIZE) {
      copyBytes(data, bytes, window);
      exports.blake3Update(window, data.length);
      return;
    }
    for (let offset = 0; offset < data.length; offset += PIECE_SIZE) {
      const piece = data.subarray(offset, offset + PIECE_SIZE);
      copyBytes(piece, bytes, window);
      exports.blake3Update(window, piece.length);
    }
  }

  /** Ends the hash's input: what follows is `blake3Root`, `blake3Value` or `blake3Squeeze`. */
  end(): void {
    this.module.exports.blake3End();
  }

  /** Copies the 32 bytes that the module left at {@link HashEngine.out}, and forgets the hash. */
  take(into: Uint8Array): void {
    into.set(this.#digest);
    this.#digest.fill(0);
    this.forget();
  }

  /** Forgets the hash and all that passed through the window for it. */
  forget(): void {
    const { exports, bytes, window } = this.module;
    exports.blake3Wipe();
    // Key material, data to be sealed: the window may hold any of them.
    bytes.fill(0, window, window + this.#pieceSizeMax);
    this.#pieceSizeMax = 0;
    this.#holder = undefined;
  }

  /** The whole hash of a short input, beside any hash in progress. */
  hashShort(data: Uint8Array, out: Uint8Array, key: Uint8Array | undefined): void {
    const { exports, bytes, window } = this.module;
    const keyAt = window + SHORT_SIZE_MAX;
    if (key !== undefined) {
      requireSize("A BLAKE3 key", key, KEY_SIZE);
      bytes.set(key, keyAt);
    }
    bytes.set(data, window);
    exports.blake3Short(window, data.length, key === undefined ? 0 : keyAt, this.out);
    out.set(this.#digest);
    exports.forget(window, data.length);
    exports.forget(this.out, HASH_SIZE);
    if (key !== undefined) exports.forget(keyAt, KEY_SIZE);
  }

  /** The whole hash of any input. */
  hash(data: Uint8Array, out: Uint8Array, key: Uint8Array | undefined): void {
    if (data.length <= SHORT_SIZE_MAX) {
      this.hashShort(data, out, key);
      return;
    }
    this.claim(undefined);
    this.module.exports.blake3Start(this.putKey(key));
    this.update(data);
    this.end();
    this.module.exports.blake3Root(this.out);
    this.take(out);
  }
}
