// From the sealed frames of a block to its plaintext: opened, and unpacked where they hold a zstd frame.

import { equalBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Zstd } from "./compression.ts";
import { openFrames } from "./sealed-block.ts";

/** Some frames of one block. Their buffer is given away. */
export interface SealedFrames {
  readonly key: Uint8Array;
  /** Of all that was sealed as this block. */
  readonly storedBytes: number;
  readonly span: { readonly firstFrame: number; readonly bytes: Uint8Array };
  /** Of a compressed block, all of whose frames these are. */
  readonly packed?: PackedBlock | undefined;
}

/** What a compressed block becomes. */
export interface PackedBlock {
  readonly sizeBytes: number;
  readonly id: Uint8Array;
  /** The key of ids of its kind. */
  readonly idKey: Uint8Array;
}

/** The plaintext of the frames. Throws `TWIN_SEAL_BROKEN` when their seals do not hold, or what was packed is not the block. */
export async function openSealed(
  kernels: Kernels,
  zstd: Zstd,
  { key, storedBytes, span, packed }: SealedFrames,
): Promise<Uint8Array<ArrayBuffer>> {
  const stored = openFrames(kernels, key, storedBytes, span) as Uint8Array<ArrayBuffer>;
  if (packed === undefined) return stored;
  const plain = await zstd.decode(stored, packed.sizeBytes);
  if (equalBytes(kernels.keyedHash(packed.idKey, plain), packed.id)) return plain;
  throw new TwinError("TWIN_SEAL_BROKEN", "A compressed block was unpacked to another one.");
}
