// A growing byte buffer with WebAssembly's number encodings (core 2.0, section 5.2), always in
// their shortest form: same module, same bytes.

import { utf8Encode } from "../../base/bytes.ts";

/** Up to this size a loop copies faster than it takes to make a view. */
const LOOP_SIZE_MAX = 64;

/** Appends to a buffer of its own; every method returns the writer. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #size = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  u8(...bytes: readonly number[]): this {
    this.#reserve(bytes.length);
    for (const byte of bytes) this.#bytes[this.#size++] = byte;
    return this;
  }

  /** An opcode with the index behind it. */
  op(opcode: number, index: number): this {
    if (index >= 0x80) return this.u8(opcode).u32(index);
    this.#reserve(2);
    this.#bytes[this.#size] = opcode;
    this.#bytes[this.#size + 1] = index;
    this.#size += 2;
    return this;
  }

  /** Forgets what was written; keeps the room for it. */
  clear(): this {
    this.#size = 0;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
    return this;
  }

  /** The part of `bytes` from `start` to `end` (exclusive). */
  part(bytes: Uint8Array, start: number, end: number): this {
    const size = end - start;
    if (size > LOOP_SIZE_MAX) return this.raw(bytes.subarray(start, end));
    this.#reserve(size);
    const own = this.#bytes;
    let at = this.#size;
    for (let index = start; index < end; index++) own[at++] = bytes[index]!;
    this.#size = at;
    return this;
  }

  /** Unsigned LEB128 of a whole number from 0 to 2^32 - 1. */
  u32(value: number): this {
    this.#reserve(5);
    if (value < 0x80) {
      this.#bytes[this.#size++] = value;
      return this;
    }
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#size++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#size++] = rest;
    return this;
  }

  /** Signed LEB128 of any safe integer. */
  signed(value: number): this {
    this.#reserve(10);
    if (value >= 0 && value < 0x40) {
      this.#bytes[this.#size++] = value;
      return this;
    }
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      const last = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
      this.#bytes[this.#size++] = last ? low : low | 0x80;
      if (last) return this;
    }
  }

  /** A length-prefixed UTF-8 name. */
  name(text: string): this {
    const bytes = utf8Encode(text);
    return this.u32(bytes.length).raw(bytes);
  }

  /** `content` with its length before it. */
  sized(content: ByteWriter): this {
    return this.u32(content.#size).part(content.#bytes, 0, content.#size);
  }

  /** What was written so far; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** A copy of what was written so far. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#size);
  }

  #reserve(size: number): void {
    if (this.#size + size > this.#bytes.length) this.#grow(size);
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.#size + size, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}
