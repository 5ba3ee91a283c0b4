// A JSON reader without a library: recursion, many branches, byte by byte.

const text = memory.data(65_536);
let length: i32 = 0;
let place: i32 = 0;

function put(part: StaticArray<u8>): void {
  memory.copy(text + length, changetype<usize>(part), part.length);
  length += part.length;
}

const item: StaticArray<u8> = [
  0x7b, 0x22, 0x6e, 0x61, 0x6d, 0x65, 0x22, 0x3a, 0x22, 0x61, 0x20, 0x5c, 0x6e, 0x62, 0x22, 0x2c, 0x20, 0x22, 0x76,
  0x22, 0x3a, 0x5b, 0x31, 0x2c, 0x2d, 0x32, 0x33, 0x2e, 0x35, 0x2c, 0x74, 0x72, 0x75, 0x65, 0x5d, 0x7d, 0x2c,
];

/** The sum of all numbers and string lengths in an array of `count` objects. */
export function json(count: i32): i64 {
  length = 0;
  place = 0;
  store<u8>(text, 0x5b);
  length = 1;
  for (let index = 0; index < count; index++) put(item);
  store<u8>(text + length - 1, 0x5d);
  return <i64>value();
}

function skipSpace(): void {
  while (load<u8>(text + place) == 0x20) place++;
}

function value(): f64 {
  skipSpace();
  const byte = load<u8>(text + place);
  switch (byte) {
    case 0x7b:
      return members(true, 0x7d);
    case 0x5b:
      return members(false, 0x5d);
    case 0x22:
      return <f64>string();
    case 0x74:
    case 0x6e:
      place += 4;
      return 1;
    case 0x66:
      place += 5;
      return 0;
    default:
      return number();
  }
}

function members(named: bool, last: u8): f64 {
  let sum: f64 = 0;
  place++;
  while (true) {
    skipSpace();
    if (load<u8>(text + place) == last) break;
    if (named) {
      sum += <f64>string();
      place++;
    }
    sum += value();
    skipSpace();
    if (load<u8>(text + place) == 0x2c) place++;
  }
  place++;
  return sum;
}

function string(): i32 {
  const start = ++place;
  while (true) {
    const byte = load<u8>(text + place);
    if (byte == 0x22) break;
    place += byte == 0x5c ? 2 : 1;
  }
  return place++ - start;
}

function number(): f64 {
  let sign: f64 = 1;
  if (load<u8>(text + place) == 0x2d) {
    sign = -1;
    place++;
  }
  let whole: f64 = 0;
  let scale: f64 = 1;
  let seenPoint = false;
  while (true) {
    const byte = load<u8>(text + place);
    if (byte == 0x2e) seenPoint = true;
    else if (byte >= 0x30 && byte <= 0x39) {
      whole = whole * 10 + <f64>(byte - 0x30);
      if (seenPoint) scale *= 10;
    } else break;
    place++;
  }
  return (sign * whole) / scale;
}
