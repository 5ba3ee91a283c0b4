// Buffers with a mapping of their own, which begin at a page: a disk can take them as they lie.

/** A page of every machine that we know of has this size or divides into such. */
export const PAGE_SIZE = 4_096;

/** Whether the first byte of `bytes` is that of a page, as far as that can be known. */
export function beginsAtPage({ buffer, byteOffset }: Uint8Array): boolean {
  // Memory that could grow is mapped for itself, not taken out of some heap.
  const isMapped = buffer instanceof SharedArrayBuffer ? buffer.growable : buffer.resizable;
  return isMapped && byteOffset % PAGE_SIZE === 0;
}
