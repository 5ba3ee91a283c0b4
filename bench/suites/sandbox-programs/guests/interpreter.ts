// A byte-code interpreter: a jump table in a loop, as language runtimes have it.

const code = memory.data<u8>([
  0,
  0,
  1, // r0 = payload... r[a] = argument
  1,
  1,
  0, // r1 = 0
  1,
  2,
  1, // r2 = 1
  2,
  1,
  0, // loop (at 9): r1 += r0
  3,
  1,
  2, // r1 ^= r2
  4,
  2,
  1, // r2 = r2 * 31 + r1
  5,
  1,
  3, // r1 = rotl(r1, 3)
  6,
  0,
  9, // r0 -= 1; if r0 != 0 goto 9
  7,
  1,
  0, // answer r1
]);

/** Runs a small program of eight operations with the count `rounds`. */
export function interpreter(rounds: i32): i64 {
  const registers = memory.data(64, 8);
  let place = 0;
  while (true) {
    const first = <i32>load<u8>(code + place, 1);
    const second = <i32>load<u8>(code + place, 2);
    const target = registers + (first << 3);
    switch (load<u8>(code + place)) {
      case 0:
        store<i64>(target, rounds);
        break;
      case 1:
        store<i64>(target, second);
        break;
      case 2:
        store<i64>(target, load<i64>(target) + load<i64>(registers + (second << 3)));
        break;
      case 3:
        store<i64>(target, load<i64>(target) ^ load<i64>(registers + (second << 3)));
        break;
      case 4:
        store<i64>(target, load<i64>(target) * 31 + load<i64>(registers + (second << 3)));
        break;
      case 5:
        store<i64>(target, rotl<i64>(load<i64>(target), second));
        break;
      case 6: {
        const left = load<i64>(target) - 1;
        store<i64>(target, left);
        if (left != 0) {
          place = second;
          continue;
        }
        break;
      }
      default:
        return load<i64>(target);
    }
    place += 3;
  }
}
