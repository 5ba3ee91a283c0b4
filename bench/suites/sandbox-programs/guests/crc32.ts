// A checksum bit by bit: the tightest loop of all.

/** CRC-32 of `size` bytes that count up. */
export function crc32(size: i32): i64 {
  let crc: u32 = 0xffff_ffff;
  for (let index = 0; index < size; index++) {
    crc ^= <u32>(index & 0xff);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb8_8320 & (0 - (crc & 1)));
  }
  return <i64>~crc;
}
