// The door to XChaCha20-Poly1305. Text passes through the window in pieces; what `open` has
// decrypted stays in a buffer of its own until the tag holds.

import { TwinError } from "../base/errors.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";
import { requireSize } from "./require-size.ts";

const KEY_SIZE = 32;
const NONCE_SIZE = 24;
const TAG_SIZE = 16;
/** What passes through the window at once; a multiple of 64. */
const PIECE_SIZE = 128 * 1024;
/** The cipher's block counter has 32 bits and starts at 1. */
const TEXT_SIZE_MAX = (2 ** 32 - 1) * 64;
const NOTHING = new Uint8Array(0);

/** The doors that seal and open. */
export type Sealing = Pick<Kernels, "seal" | "open">;

/** XChaCha20-Poly1305 over `module`. */
export function createSealing(module: KernelModule): Sealing {
  const { exports, bytes } = module;
  const tag = addressOf(exports.AEAD_TAG);

  return {
    seal(key, nonce, plaintext, additionalData = NOTHING) {
      requireTextSize(plaintext.length);
      const sealed = new Uint8Array(plaintext.length + TAG_SIZE);
      start(module, key, nonce, additionalData);
      transform(module, exports.aeadSeal, plaintext, sealed);
      exports.aeadTag(additionalData.length, plaintext.length);
      sealed.set(bytes.subarray(tag, tag + TAG_SIZE), plaintext.length);
      exports.aeadWipe();
      return sealed;
    },
    open(key, nonce, sealed, additionalData = NOTHING) {
      const size = sealed.length - TAG_SIZE;
      if (size < 0) throw broken();
      requireTextSize(size);
      const plaintext = new Uint8Array(size);
      start(module, key, nonce, additionalData);
      transform(module, exports.aeadOpen, sealed.subarray(0, size), plaintext);
      bytes.set(sealed.subarray(size), tag);
      const holds = exports.aeadVerify(additionalData.length, size) === 1;
      exports.aeadWipe();
      bytes.fill(0, module.window, module.window + Math.min(size, PIECE_SIZE));
      if (holds) return plaintext;
      plaintext.fill(0);
      throw broken();
    },
  };
}

/** Puts key and nonce in place and absorbs the additional data. */
function start(module: KernelModule, key: Uint8Array, nonce: Uint8Array, additionalData: Uint8Array): void {
  const { exports, bytes, window } = module;
  requireSize("A key", key, KEY_SIZE);
  requireSize("A nonce", nonce, NONCE_SIZE);
  bytes.set(key, addressOf(exports.AEAD_KEY));
  bytes.set(nonce, addressOf(exports.AEAD_NONCE));
  exports.aeadStart();
  for (let offset = 0; offset < additionalData.length; offset += PIECE_SIZE) {
    const piece = additionalData.subarray(offset, offset + PIECE_SIZE);
    bytes.set(piece, window);
    exports.aeadAbsorb(window, piece.length);
  }
}

/** Passes `input` through `step` in the window, into `output`. */
function transform(
  { bytes, window }: KernelModule,
  step: (text: number, size: number) => void,
  input: Uint8Array,
  output: Uint8Array,
): void {
  for (let offset = 0; offset < input.length; offset += PIECE_SIZE) {
    const piece = input.subarray(offset, offset + PIECE_SIZE);
    bytes.set(piece, window);
    step(window, piece.length);
    output.set(bytes.subarray(window, window + piece.length), offset);
  }
}

function requireTextSize(size: number): void {
  if (size > TEXT_SIZE_MAX) throw new RangeError(`One nonce seals at most ${TEXT_SIZE_MAX} bytes, not ${size}.`);
}

function broken(): TwinError {
  return new TwinError(
    "TWIN_SEAL_BROKEN",
    "Expected sealed bytes that fit their key, found others: they were changed, cut short, or sealed under another key. Use another copy.",
  );
}
