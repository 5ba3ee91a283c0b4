// One message of a cipher in the window: short ones in one call, long ones in pieces.

import { copyBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { CipherTerms, DetachedMessage } from "./cipher.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import { requireSize } from "./require-size.ts";

/** Bytes of a key. */
export const KEY_SIZE = 32;
/** Bytes of a tag. */
export const TAG_SIZE = 16;
/** Additional data that a message in memory has room for. */
export const DATA_SIZE_MAX = 4_096;
/** What passes through the window at once; a multiple of 1,024. */
const PIECE_SIZE = 128 * 1024;
/** The cipher's block counter has 32 bits and starts at 1. */
const TEXT_SIZE_MAX = (2 ** 32 - 1) * 64;
const NOTHING = new Uint8Array(0);

/** The window as the place of one message: key, nonce, additional data, text. */
export class WindowMessage {
  readonly #module: KernelModule;
  readonly #nonceSize: number;
  /** 1 for the extended nonce, as the module says it. */
  readonly #extended: number;
  readonly #data: number;
  readonly #text: number;
  readonly #nonce: number;
  readonly #tag: number;
  /** The last view taken: messages tend to come in equal sizes, and a view costs more than a short copy. */
  #view: Uint8Array<ArrayBuffer> = NOTHING;

  constructor(module: KernelModule, nonceSize: 12 | 24) {
    const { exports, window } = module;
    this.#module = module;
    this.#nonceSize = nonceSize;
    this.#extended = extendedOf(nonceSize);
    this.#nonce = window + addressOf(exports.AEAD_NONCE);
    this.#data = window + addressOf(exports.AEAD_DATA);
    this.#text = window + addressOf(exports.AEAD_TEXT);
    this.#tag = addressOf(exports.AEAD_TAG);
  }

  /** Whether a message takes one call. */
  fits({ additionalData }: CipherTerms, size: number): boolean {
    return size <= PIECE_SIZE && (additionalData === undefined || additionalData.length <= DATA_SIZE_MAX);
  }

  /** Leaves the sealed message in the window. */
  sealShort(terms: CipherTerms, plaintext: Uint8Array): void {
    const { exports, bytes, window } = this.#module;
    this.#putHead(terms);
    const additionalSize = this.#putData(terms.additionalData);
    copyBytes(plaintext, bytes, this.#text);
    exports.aeadSealMessage(window, this.#extended, additionalSize, plaintext.length);
    exports.aeadWipeMessage(window, 0);
  }

  /** Opens a sealed message into `out`; an empty tag says that it stands behind the ciphertext. */
  openShort(terms: CipherTerms, { ciphertext, tag }: DetachedMessage, out: Uint8Array): void {
    const { exports, bytes, window } = this.#module;
    const size = out.length;
    this.#putHead(terms);
    const additionalSize = this.#putData(terms.additionalData);
    copyBytes(ciphertext, bytes, this.#text);
    if (tag.length > 0) bytes.set(tag, this.#text + size);
    const holds = exports.aeadOpenMessage(window, this.#extended, additionalSize, size) === 1;
    if (holds) this.take(out);
    exports.aeadWipeMessage(window, size);
    if (!holds) throw sealBroken();
  }

  /** Copies the window's text from byte `offset` on to all of `out`. */
  take(out: Uint8Array, offset = 0): void {
    const start = this.#text + offset;
    if (this.#view.length !== out.length || this.#view.byteOffset !== start) {
      this.#view = this.#module.bytes.subarray(start, start + out.length);
    }
    copyBytes(this.#view, out);
  }

  /** The window's first `size` bytes of text, fresh. */
  copy(size: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(size);
    this.take(copy);
    return copy;
  }

  /** Writes the ciphertext to the beginning of `out`; leaves the tag in the module, and its secrets. */
  sealLong(terms: CipherTerms, plaintext: Uint8Array, out: Uint8Array): void {
    const { exports } = this.#module;
    const additionalSize = this.#startLong(terms, plaintext.length);
    this.#transform(exports.aeadSeal, plaintext, out);
    exports.aeadTag(additionalSize, plaintext.length);
  }

  /** Seals the text that lies at `text`, in place, and writes it and its tag to `out`. */
  sealAt(terms: CipherTerms, text: number, out: Uint8Array): void {
    const { exports, bytes } = this.#module;
    const size = out.length - TAG_SIZE;
    const additionalSize = this.#startLong(terms, size);
    exports.aeadSeal(text, size);
    exports.aeadTag(additionalSize, size);
    copyBytes(bytes.subarray(text, text + size), out);
    out.set(bytes.subarray(this.#tag, this.#tag + TAG_SIZE), size);
    exports.aeadWipe();
  }

  openLong(terms: CipherTerms, { ciphertext, tag }: DetachedMessage, out: Uint8Array): void {
    const { exports, bytes } = this.#module;
    // The tag may lie in `out`.
    const expected = tag.slice();
    const additionalSize = this.#startLong(terms, ciphertext.length);
    this.#transform(exports.aeadOpen, ciphertext, out);
    bytes.set(expected, this.#tag);
    const holds = exports.aeadVerify(additionalSize, ciphertext.length) === 1;
    exports.aeadWipe();
    bytes.fill(0, this.#text, this.#text + Math.min(ciphertext.length, PIECE_SIZE));
    if (holds) return;
    out.fill(0);
    throw sealBroken();
  }

  #putHead({ key, nonce }: CipherTerms): void {
    requireSize("A key", key, KEY_SIZE);
    requireSize("A nonce", nonce, this.#nonceSize);
    this.#module.bytes.set(key, this.#module.window);
    this.#module.bytes.set(nonce, this.#nonce);
  }

  #putData(additionalData: Uint8Array | undefined): number {
    if (additionalData === undefined || additionalData.length === 0) return 0;
    this.#module.bytes.set(additionalData, this.#data);
    return additionalData.length;
  }

  /** Starts a message in pieces and absorbs its additional data; returns how much that is. */
  #startLong(terms: CipherTerms, size: number): number {
    const { exports, bytes, window } = this.#module;
    if (size > TEXT_SIZE_MAX) throw new RangeError(`One nonce seals at most ${TEXT_SIZE_MAX} bytes, not ${size}.`);
    const additionalData = terms.additionalData ?? NOTHING;
    this.#putHead(terms);
    exports.aeadStart(window, this.#nonce, this.#extended);
    exports.aeadWipeMessage(window, 0);
    for (let offset = 0; offset < additionalData.length; offset += PIECE_SIZE) {
      const piece = additionalData.subarray(offset, offset + PIECE_SIZE);
      bytes.set(piece, this.#text);
      exports.aeadAbsorb(this.#text, piece.length);
    }
    return additionalData.length;
  }

  /** Passes `input` through `step` in the window, into `output`. */
  #transform(step: (text: number, size: number) => void, input: Uint8Array, output: Uint8Array): void {
    const { bytes } = this.#module;
    const text = this.#text;
    for (let offset = 0; offset < input.length; offset += PIECE_SIZE) {
      const piece = input.subarray(offset, offset + PIECE_SIZE);
      copyBytes(piece, bytes, text);
      step(text, piece.length);
      copyBytes(bytes.subarray(text, text + piece.length), output, offset);
    }
  }
}

/** How the module is told the size of a nonce: 1 when it is extended, else 0. */
export function extendedOf(nonceSize: 12 | 24): 0 | 1 {
  return nonceSize === 24 ? 1 : 0;
}

/** The error of everything that does not open. */
export function sealBroken(details: Readonly<Record<string, number>> = {}): TwinError {
  return new TwinError(
    "TWIN_SEAL_BROKEN",
    "Expected sealed bytes that fit their key, found others: they were changed, cut short, or sealed under another key. Use another copy.",
    details,
  );
}
