// Counts words in an open hash table.

const SIZE = 32_768;
const SLOTS = 4_096;
const text = memory.data(SIZE);
const table = memory.data(SLOTS * 8, 8);

/** Words and different words in 32 KiB of text that `seed` begins. */
export function wordCount(seed: i32): i64 {
  let state: u32 = seed;
  for (let index = 0; index < SIZE; index++) {
    state = state * 1_664_525 + 1_013_904_223;
    const pick = (state >>> 24) % 7;
    store<u8>(text + index, pick < 2 ? 0x20 : <u8>(0x60 + pick));
  }
  memory.fill(table, 0, SLOTS * 8);
  let words = 0;
  let different = 0;
  let word: u32 = 0;
  for (let index = 0; index < SIZE; index++) {
    const byte = load<u8>(text + index);
    if (byte != 0x20) {
      word = (word ^ byte) * 0x0100_0193 + 1;
      continue;
    }
    if (word != 0) {
      words++;
      if (count(word)) different++;
    }
    word = 0;
  }
  return ((<i64>different) << 32) | words;
}

/** Adds one to the word's count; true when it is new. */
function count(word: u32): bool {
  let slot = (word * 0x9e37_79b1) >>> 20;
  while (true) {
    const entry = table + (slot << 3);
    const found = load<u32>(entry);
    if (found == word || found == 0) {
      store<u32>(entry, word);
      store<u32>(entry, load<u32>(entry, 4) + 1, 4);
      return found == 0;
    }
    slot = (slot + 1) % SLOTS;
  }
}
