// Small fixed blocks of memory. `memory.fill` and `memory.copy` leave the compiled code for the
// runtime, which costs more than moving so few bytes.

/** Zeroes `size` bytes, a multiple of 16, at `address`. */
export function wipe(address: usize, size: usize): void {
  for (const end = address + size; address < end; address += 16) store<v128>(address, i64x2.splat(0));
}

/** Copies 32 bytes. */
export function copy32(to: usize, from: usize): void {
  const first = load<v128>(from), second = load<v128>(from, 16);
  store<v128>(to, first);
  store<v128>(to, second, 16);
}
