// Content-defined chunking by a gear hash, normalised as in FastCDC (Xia et al., "The Design of
// Fast Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020,
// algorithm 1): h = 2h + GEAR[byte]. Each byte is forgotten after 64 more. The table is indexed by
// plaintext: the rule itself does that.

/** Where the host puts the gear table at start: 256 u64, little-endian. */
export const GEAR_TABLE: usize = memory.data(2048, 64);

/** The hash after the last byte scanned. */
let hash: u64 = 0;

/** Starts a scan: forgets all bytes. */
export function gearStart(): void {
  hash = 0;
}

/**
 * Takes in the `size` bytes at `input`, one after the other. Returns the index of the first byte
 * after which the `zeroBits` (1 to 63) topmost bits of the hash are all 0, or `size` when there is none.
 */
export function gearScan(input: usize, size: usize, zeroBits: u32): usize {
  const shift = <u64>(64 - zeroBits);
  let h = hash;
  for (let offset: usize = 0; offset < size; offset++) {
    h = (h << 1) + load<u64>(GEAR_TABLE + (<usize>load<u8>(input + offset) << 3));
    if (h >> shift == 0) return offset;
  }
  hash = h;
  return size;
}
