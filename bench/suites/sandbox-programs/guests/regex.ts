// A backtracking matcher of patterns with `.`, `*`, `^` and `$`, after Rob Pike's.

const pattern = memory.data<u8>([0x61, 0x2e, 0x2a, 0x62, 0x63, 0x2a, 0x64, 0x24, 0]);
const text = memory.data(256);

/** How many of `count` texts match `a.*bc*d$`. */
export function regex(count: i32): i64 {
  let matches = 0;
  let seed: u32 = 1;
  for (let round = 0; round < count; round++) {
    for (let index = 0; index < 40; index++) {
      seed = seed * 1_664_525 + 1_013_904_223;
      store<u8>(text + index, <u8>(0x61 + ((seed >>> 24) & 3)));
    }
    store<u8>(text + 40, 0);
    if (matchAnywhere(pattern, text)) matches++;
  }
  return matches;
}

function matchAnywhere(rest: usize, from: usize): bool {
  if (load<u8>(rest) == 0x5e) return matchHere(rest + 1, from);
  let place = from;
  do {
    if (matchHere(rest, place)) return true;
  } while (load<u8>(place++) != 0);
  return false;
}

function matchHere(rest: usize, place: usize): bool {
  const first = load<u8>(rest);
  if (first == 0) return true;
  if (load<u8>(rest, 1) == 0x2a) return matchStar(first, rest + 2, place);
  const byte = load<u8>(place);
  if (first == 0x24 && load<u8>(rest, 1) == 0) return byte == 0;
  if (byte != 0 && (first == 0x2e || first == byte)) return matchHere(rest + 1, place + 1);
  return false;
}

function matchStar(repeated: u8, rest: usize, from: usize): bool {
  let place = from;
  let byte: u8;
  do {
    if (matchHere(rest, place)) return true;
    byte = load<u8>(place++);
  } while (byte != 0 && (byte == repeated || repeated == 0x2e));
  return false;
}
