// A block as stored: its plaintext in frames of 64 KiB, each sealed with XChaCha20-Poly1305 under the
// block's own key. The nonce binds the frame's index and whether it is the last (the STREAM construction),
// so frames cannot be reordered, dropped or appended, and a range opens only the frames it touches.

import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** Poly1305 tag of each frame. */
export const TAG_SIZE = 16;
const FRAME_SIZE = LIMITS.vault.frameSizeBytes;
const SEALED_FRAME_SIZE = FRAME_SIZE + TAG_SIZE;
const NONCE_SIZE = 24;

/** A span of frames of one block: their sealed bytes stand at [offset, offset + sizeBytes) of the sealed block. */
export interface FrameSpan {
  readonly firstFrame: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Frames of a block of `plainSize` bytes; an empty block has one. */
function frameCount(plainSize: number): number {
  return Math.max(1, Math.ceil(plainSize / FRAME_SIZE));
}

/** Bytes of the sealed form of a block of `plainSize` bytes. */
export function sealedSize(plainSize: number): number {
  return plainSize + frameCount(plainSize) * TAG_SIZE;
}

/** The frames that hold [offset, offset + sizeBytes) of a block's plaintext. */
export function frameSpan(plainSize: number, offset: number, sizeBytes: number): FrameSpan {
  const firstFrame = Math.floor(offset / FRAME_SIZE);
  const endFrame = Math.min(
    frameCount(plainSize),
    Math.max(firstFrame + 1, Math.ceil((offset + sizeBytes) / FRAME_SIZE)),
  );
  const start = firstFrame * SEALED_FRAME_SIZE;
  const end = Math.min(endFrame * SEALED_FRAME_SIZE, sealedSize(plainSize));
  return { firstFrame, offset: start, sizeBytes: end - start };
}

/** Makes room for the next `size` bytes and lets `fill` write them there. */
export type FrameSink = (size: number, fill: (out: Uint8Array) => void) => void;

/** Seals `plain`, frame by frame into `sink`, under a key that seals nothing else, ever. */
export function sealBlock(kernels: Kernels, key: Uint8Array, plain: Uint8Array, sink: FrameSink): void {
  const frames = frameCount(plain.length);
  for (let frame = 0; frame < frames; frame++) {
    const bytes = plain.subarray(frame * FRAME_SIZE, (frame + 1) * FRAME_SIZE);
    const terms = { key, nonce: frameNonce(frame, frame === frames - 1) };
    sink(bytes.length + TAG_SIZE, (out) => kernels.xchacha20poly1305.sealInto(terms, bytes, out));
  }
}

/**
 * The plaintext of a span of frames (see {@link frameSpan}) of a block of `plainSize` bytes, which takes the
 * place of the sealed bytes. Throws `TWIN_SEAL_BROKEN` when a single bit of them is not as it was sealed;
 * what is in their place then is of no use.
 */
export function openFrames(
  kernels: Kernels,
  key: Uint8Array,
  plainSize: number,
  span: { readonly firstFrame: number; readonly bytes: Uint8Array },
): Uint8Array {
  const { bytes } = span;
  const last = frameCount(plainSize) - 1;
  const count = Math.ceil(bytes.length / SEALED_FRAME_SIZE);
  for (let index = 0; index < count; index++) {
    const frame = span.firstFrame + index;
    const start = index * SEALED_FRAME_SIZE;
    const sealed = bytes.subarray(start, start + SEALED_FRAME_SIZE);
    const terms = { key, nonce: frameNonce(frame, frame === last) };
    kernels.xchacha20poly1305.openInto(terms, sealed, sealed.subarray(0, -TAG_SIZE));
    // It closes up to the frame before: while it is near, this costs next to nothing.
    if (index > 0) bytes.copyWithin(index * FRAME_SIZE, start, start + sealed.length - TAG_SIZE);
  }
  return bytes.subarray(0, bytes.length - count * TAG_SIZE);
}

/** 19 zero bytes, the frame's index (u32, big-endian), and 1 for the last frame, else 0. */
function frameNonce(index: number, last: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_SIZE);
  new DataView(nonce.buffer).setUint32(19, index);
  nonce[23] = last ? 1 : 0;
  return nonce;
}
