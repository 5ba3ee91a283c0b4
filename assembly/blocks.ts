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

/** Copies `size` bytes, of which there are few. */
export function copyFew(to: usize, from: usize, size: usize): void {
  const whole = size & ~15;
  for (let offset: usize = 0; offset < whole; offset += 16) store<v128>(to + offset, load<v128>(from + offset));
  for (let offset = whole; offset < size; offset++) store<u8>(to + offset, load<u8>(from + offset));
}

/** Adds the `size` bytes at `from`, of which there are few, to those at `to`. */
export function xorFew(to: usize, from: usize, size: usize): void {
  const whole = size & ~15;
  for (let offset: usize = 0; offset < whole; offset += 16) {
    store<v128>(to + offset, v128.xor(load<v128>(to + offset), load<v128>(from + offset)));
  }
  for (let offset = whole; offset < size; offset++) store<u8>(to + offset, load<u8>(to + offset) ^ load<u8>(from + offset));
}
