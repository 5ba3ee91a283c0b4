// A hash by bytes with a 64-bit multiplication.

const data = memory.data(65_536);

/** FNV-1a of 64 KiB that differ by `seed`. */
export function hash(seed: i32): i64 {
  for (let index = 0; index < 65_536; index += 4) store<i32>(data + index, (index + seed) * 0x9e37_79b1);
  let state: u64 = 0xcbf2_9ce4_8422_2325;
  for (let index = 0; index < 65_536; index++) state = (state ^ load<u8>(data + index)) * 0x100_0000_01b3;
  return <i64>state;
}
