// A segment that is being filled: plain blocks in one buffer, sealed only when it is full.

import { copyBytes } from "../base/bytes.ts";
import type { BufferShelf } from "./buffer-shelf.ts";
import { sealedSize } from "./sealed-block.ts";
import { fitsSegment } from "./segment.ts";
import type { PlainBlock } from "./segment-coder.ts";

const FIRST_SIZE = 65_536;

/** Blocks of one segment. Its buffer is its own until somebody packs it. */
export class SegmentDraft {
  readonly blocks: PlainBlock[] = [];
  readonly #shelf: BufferShelf;
  #plain: Uint8Array;
  #end = 0;
  #sealedBytes = 0;

  constructor(shelf: BufferShelf, plain: Uint8Array = shelf.take(FIRST_SIZE)) {
    this.#shelf = shelf;
    this.#plain = plain;
  }

  /** The buffer that holds the blocks. */
  get plain(): Uint8Array {
    return this.#plain;
  }

  /** Bytes of the blocks when they are sealed. */
  get sealedBytes(): number {
    return this.#sealedBytes;
  }

  /** Whether these blocks, all of them, still fit. The first block always does. */
  fits(blocks: readonly Pick<PlainBlock, "sizeBytes">[]): boolean {
    const more = blocks.reduce((sum, { sizeBytes }) => sum + sealedSize(sizeBytes), 0);
    return fitsSegment(this.blocks.length + blocks.length, this.#sealedBytes + more);
  }

  /** Takes a block that stands in the draft's own buffer, behind all others. */
  adopt(block: PlainBlock): void {
    this.blocks.push(block);
    this.#sealedBytes += sealedSize(block.sizeBytes);
    this.#end = block.at + block.sizeBytes;
  }

  /** Copies a block in. */
  append(block: Omit<PlainBlock, "at">, plain: Uint8Array): void {
    if (this.#end + plain.length > this.#plain.length) this.#grow(this.#end + plain.length);
    copyBytes(plain, this.#plain, this.#end);
    this.adopt({ ...block, at: this.#end });
  }

  #grow(size: number): void {
    const grown = this.#shelf.take(Math.max(size, 2 * this.#plain.length));
    copyBytes(this.#plain.subarray(0, this.#end), grown);
    this.#shelf.give(this.#plain);
    this.#plain = grown;
  }
}
