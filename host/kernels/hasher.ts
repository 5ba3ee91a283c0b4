// BLAKE3 of a stream, and output of any length.

import type { Hasher, HashOutput } from "./blake3.ts";
import { HASH_SIZE, type HashEngine, type HashState } from "./hash-engine.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";

const BLOCK_SIZE = 64;
/** Blocks of output made at once. */
const BLOCKS_MAX = 1_024;

/** A hash whose state is in `engine`, or aside. */
export class Blake3Hasher implements Hasher, HashState {
  aside: Uint8Array<ArrayBuffer> | undefined;
  readonly #engine: HashEngine;
  #finished = false;

  /** Claims the engine; `start` starts the hash in it. */
  constructor(engine: HashEngine, start: () => void) {
    this.#engine = engine;
    engine.claim(this);
    start();
  }

  update(data: Uint8Array): Hasher {
    this.#claim();
    this.#engine.update(data);
    return this;
  }

  digest(): Uint8Array<ArrayBuffer> {
    this.#finish();
    this.#engine.module.exports.blake3Root(this.#engine.out);
    const digest = new Uint8Array(HASH_SIZE);
    this.#engine.take(digest);
    return digest;
  }

  output(): HashOutput {
    this.#finish();
    const output = createOutput(this.#engine.module);
    this.#engine.forget();
    return output;
  }

  #finish(): void {
    this.#claim();
    this.#finished = true;
    this.#engine.end();
  }

  #claim(): void {
    if (this.#finished) throw new TypeError("This hasher has given its digest: create a new one for the next hash.");
    this.#engine.claim(this);
  }
}

/** The output of the root that the module holds now. */
export function createOutput(module: KernelModule): HashOutput {
  const { exports, bytes, window } = module;
  const address = addressOf(exports.BLAKE3_NODE);
  const size = addressOf(exports.BLAKE3_NODE_SIZE);
  const node = bytes.slice(address, address + size);
  let disposed = false;
  return {
    read(outputSize, position) {
      if (disposed) throw new TypeError("This output was disposed: hash again.");
      requireRange(outputSize, position);
      const output = new Uint8Array(outputSize);
      bytes.set(node, address);
      let block = Math.floor(position / BLOCK_SIZE);
      let skipped = position - block * BLOCK_SIZE;
      for (let done = 0; done < outputSize;) {
        const count = Math.min(BLOCKS_MAX, Math.ceil((outputSize - done + skipped) / BLOCK_SIZE));
        exports.blake3Squeeze(block, count, window);
        const taken = Math.min(count * BLOCK_SIZE - skipped, outputSize - done);
        output.set(bytes.subarray(window + skipped, window + skipped + taken), done);
        exports.forget(window, count * BLOCK_SIZE);
        block += count;
        done += taken;
        skipped = 0;
      }
      bytes.fill(0, address, address + size);
      return output;
    },
    [Symbol.dispose]() {
      disposed = true;
      node.fill(0);
    },
  };
}

function requireRange(size: number, position: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`Output has 0 bytes or more, not ${size}.`);
  if (!Number.isSafeInteger(position) || position < 0 || !Number.isSafeInteger(position + size)) {
    throw new RangeError(`Output is read below byte 2^53, not ${size} bytes from ${position} on.`);
  }
}
