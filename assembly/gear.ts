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
  const bound: u64 = 1 << (64 - <u64>zeroBits);
  const start = input, end = input + size;
  let h = hash;
  // Only h waits for the step before. Four bytes at a time: h = 16h + (8a + 4b + 2c + d), of which the
  // sum of table entries is known early; twice, as the loop itself costs as much as a byte.
  for (; input + 8 <= end; input += 8) {
    const e0 = gear(input), e1 = (e0 << 1) + gear(input + 1), e2 = (e1 << 1) + gear(input + 2), e3 = (e2 << 1) + gear(input + 3);
    if ((h << 1) + e0 < bound) return input - start;
    if ((h << 2) + e1 < bound) return input + 1 - start;
    if ((h << 3) + e2 < bound) return input + 2 - start;
    h = (h << 4) + e3;
    if (h < bound) return input + 3 - start;
    const e4 = gear(input + 4), e5 = (e4 << 1) + gear(input + 5), e6 = (e5 << 1) + gear(input + 6), e7 = (e6 << 1) + gear(input + 7);
    if ((h << 1) + e4 < bound) return input + 4 - start;
    if ((h << 2) + e5 < bound) return input + 5 - start;
    if ((h << 3) + e6 < bound) return input + 6 - start;
    h = (h << 4) + e7;
    if (h < bound) return input + 7 - start;
  }
  for (; input < end; input++) {
    h = (h << 1) + gear(input);
    if (h < bound) return input - start;
  }
  hash = h;
  return size;
}

/** The table's entry for the byte at `input`. */
@inline
function gear(input: usize): u64 {
  return load<u64>(GEAR_TABLE + (<usize>load<u8>(input) << 3));
}
