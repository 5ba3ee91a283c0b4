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
  // Only h waits for the step before. Four at a time: h = 16h + (8a + 4b + 2c + d), of which the sum
  // of table entries is known early.
  for (; input + 4 <= end; input += 4) {
    const a = gear(input), b = gear(input + 1), c = gear(input + 2), d = gear(input + 3);
    const ab = (a << 1) + b, abc = (ab << 1) + c, abcd = (abc << 1) + d;
    if ((h << 1) + a < bound) return input - start;
    if ((h << 2) + ab < bound) return input + 1 - start;
    if ((h << 3) + abc < bound) return input + 2 - start;
    h = (h << 4) + abcd;
    if (h < bound) return input + 3 - start;
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
