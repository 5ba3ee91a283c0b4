// The door to SHA-256: multihashes, CIDs and Noise need it where Node has none of its own.

import type { KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";

const HASH_SIZE = 32;
const BLOCK_SIZE = 64;
/** What passes through the window at once; a multiple of the block. */
const PIECE_SIZE = 64 * 1024;

/** SHA-256 over `module`. */
export function createShaHashing({ exports, bytes, window }: KernelModule): Pick<Kernels, "sha256"> {
  const out = window + PIECE_SIZE;
  return {
    sha256(data) {
      exports.sha256Start();
      const wholeSize = data.length - (data.length % BLOCK_SIZE);
      for (let offset = 0; offset < wholeSize; offset += PIECE_SIZE) {
        const piece = data.subarray(offset, Math.min(offset + PIECE_SIZE, wholeSize));
        bytes.set(piece, window);
        exports.sha256Update(window, piece.length);
      }
      const rest = data.subarray(wholeSize);
      bytes.set(rest, window);
      exports.sha256Finish(window, rest.length, data.length, out);
      const hash = bytes.slice(out, out + HASH_SIZE);
      exports.forget(window, Math.min(data.length, PIECE_SIZE));
      exports.forget(out, HASH_SIZE);
      return hash;
    },
  };
}
