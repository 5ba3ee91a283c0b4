// Loads that depend on each other, over more memory than the first cache holds.

const COUNT: u32 = 262_144;
const next = memory.data(COUNT * 4, 4);
let ready = false;

/** Where `steps` steps through one long cycle lead. */
export function pointerChase(steps: i32): i64 {
  if (!ready) {
    // A full cycle, by a linear congruence with an odd increment and a multiplier of 4k + 1.
    for (let index: u32 = 0; index < COUNT; index++) store<u32>(next + (index << 2), (index * 5 + 12_345) % COUNT);
    ready = true;
  }
  let place: u32 = 0;
  for (let step = 0; step < steps; step++) place = load<u32>(next + (place << 2));
  return place;
}
