// A cursor over a module's bytes. Never reads past its end: a short or over-long encoding is a
// refusal, not an exception of the runtime. WebAssembly core 2.0, section 5.2.

import { utf8Decode } from "../../base/bytes.ts";
import { refusal } from "../refusal.ts";
import type { TwinError } from "../../base/errors.ts";

/** Reads forward from `offset`, which is absolute in `bytes`, up to `end` (exclusive). */
export class ByteReader {
  readonly bytes: Uint8Array;
  end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  u8(): number {
    if (this.offset >= this.end) throw this.#broken("the module ends in the middle of something");
    return this.bytes[this.offset++]!;
  }

  /** The next byte without taking it. */
  peek(): number {
    const byte = this.u8();
    this.offset--;
    return byte;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    // Nearly all numbers of a module have one byte.
    const first = this.bytes[this.offset];
    if (first !== undefined && first < 0x80 && this.offset < this.end) {
      this.offset++;
      return first;
    }
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw this.#broken("an unsigned number has more than 32 bits");
  }

  /** Signed LEB128 of at most 33 bits: block types and heap types. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    throw this.#broken("a signed number has more than 33 bits");
  }

  /** Passes over one LEB128 number of at most `sizeMax` bytes. */
  skipLeb(sizeMax: number): void {
    for (let size = 0; size < sizeMax; size++) if (this.u8() < 0x80) return;
    throw this.#broken("a number is longer than its type allows");
  }

  skip(size: number): void {
    if (size > this.end - this.offset) throw this.#broken("a part claims to be longer than the module");
    this.offset += size;
  }

  /** A length-prefixed UTF-8 name. */
  name(): string {
    const size = this.u32();
    const start = this.offset;
    this.skip(size);
    try {
      return utf8Decode(this.bytes.subarray(start, this.offset));
    } catch {
      throw this.#broken("a name is not UTF-8");
    }
  }

  /** A reader of the next `size` bytes, which this one passes over. */
  sub(size: number): ByteReader {
    const start = this.offset;
    this.skip(size);
    return new ByteReader(this.bytes, start, this.offset);
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.offset !== this.end) throw this.#broken("a part is longer than what it holds");
  }

  #broken(reason: string): TwinError {
    return refusal("TWIN_MODULE_INVALID", {
      rule: "encoding",
      offset: this.offset,
      reason: `${reason}; build the module again`,
    });
  }
}
