// Chunks that become much smaller are sealed as zstd frames (RFC 8878). A sample tells at little cost which
// ones may; ids and deduplication are those of the plain bytes, so nothing hangs on what zstd makes of them.

import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { TwinError } from "../base/errors.ts";

/** Of less, nothing worth a call is saved. */
const SIZE_MIN = 256;
/** Short pieces from all over a chunk: one that begins with a readable head may go on as a picture. */
const SAMPLE_PIECES = 4;
const SAMPLE_PIECE_SIZE = 2_048;
const SAMPLE_SIZE = SAMPLE_PIECES * SAMPLE_PIECE_SIZE;
/** Less than this is compressed sooner than a sample of it tells anything. */
const SAMPLED_SIZE_MIN = 8 * SAMPLE_SIZE;
/** The least that is saved: the work of reading it back must be worth it. */
const savedEnough = (sizeBytes: number): number => Math.floor((sizeBytes * 7) / 8);
/** A sample repeats itself less than all of the chunk does. */
const sampleSavedEnough = Math.floor((SAMPLE_SIZE * 15) / 16);
/** The fastest of zstd's ordinary levels: 3 saves 2% to 10% more of texts and costs a third more. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1 };
/** 4 MiB, a chunk: a frame that asks for more memory is not ours. */
const READ_PARAMS = { [constants.ZSTD_d_windowLogMax]: 22 };

/** How zstd is run: at once, where nobody waits for this thread; aside on libuv's threads elsewhere. */
export interface Zstd {
  /** The frame of `plain`, or undefined when it would have more than `sizeMax` bytes. */
  encode(plain: Uint8Array, sizeMax: number): Promise<Uint8Array | undefined>;
  /** What is in the frame, which must have `sizeBytes`: no more than that is ever unpacked. Throws `TWIN_SEAL_BROKEN`. */
  decode(frame: Uint8Array, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** For a worker. */
export const zstdAtOnce: Zstd = createZstd(
  async (bytes, options) => zstdCompressSync(bytes, options),
  async (bytes, options) => zstdDecompressSync(bytes, options),
);

/** For the main thread. */
export const zstdAside: Zstd = createZstd(promisify(zstdCompress), promisify(zstdDecompress));

/** The frame of a chunk that is worth it, else undefined. */
export async function compressChunk(zstd: Zstd, plain: Uint8Array): Promise<Uint8Array | undefined> {
  if (plain.length < SIZE_MIN) return undefined;
  const isLong = plain.length > SAMPLED_SIZE_MIN;
  if (isLong && (await zstd.encode(sampleOf(plain), sampleSavedEnough)) === undefined) return undefined;
  return await zstd.encode(plain, savedEnough(plain.length));
}

function sampleOf(plain: Uint8Array): Uint8Array {
  const sample = new Uint8Array(SAMPLE_SIZE);
  const step = Math.floor((plain.length - SAMPLE_PIECE_SIZE) / (SAMPLE_PIECES - 1));
  for (let piece = 0; piece < SAMPLE_PIECES; piece++) {
    sample.set(plain.subarray(piece * step, piece * step + SAMPLE_PIECE_SIZE), piece * SAMPLE_PIECE_SIZE);
  }
  return sample;
}

type Run = (
  bytes: Uint8Array,
  options: { readonly params: { [key: number]: number }; readonly chunkSize: number; readonly maxOutputLength: number },
) => Promise<NodeJS.NonSharedUint8Array>;

function createZstd(compress: Run, decompress: Run): Zstd {
  return {
    async encode(plain, sizeMax) {
      const chunkSize = Math.max(constants.Z_MIN_CHUNK, sizeMax);
      try {
        return await compress(plain, { params: PARAMS, chunkSize, maxOutputLength: sizeMax });
      } catch (cause) {
        if (isTooLarge(cause)) return undefined;
        throw cause;
      }
    },
    async decode(frame, sizeBytes) {
      const chunkSize = Math.max(constants.Z_MIN_CHUNK, sizeBytes);
      const options = { params: READ_PARAMS, chunkSize, maxOutputLength: sizeBytes };
      const plain = await decompress(frame, options).catch((cause: unknown) => {
        throw new TwinError("TWIN_SEAL_BROKEN", "A compressed block cannot be unpacked to its size.", {}, cause);
      });
      if (plain.length === sizeBytes) return plain;
      throw new TwinError("TWIN_SEAL_BROKEN", `A compressed block has ${plain.length} bytes, not ${sizeBytes}.`);
    },
  };
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
}
