// Damage that still makes sense now and then: near values, other places, repeated pieces.

import type { Chance } from "./random-module.ts";

/** A copy of `bytes` with one to three small changes. */
export function damaged(bytes: Uint8Array, chance: Chance): Uint8Array<ArrayBuffer> {
  let copy = new Uint8Array(bytes);
  for (let change = chance(3); change >= 0; change--) {
    // Headers are not interesting: what is refused at once tells nothing.
    const place = 8 + chance(copy.length - 8);
    switch (chance(4)) {
      case 0:
        copy[place] = chance(256);
        break;
      case 1:
        copy[place]! ^= 1 << chance(8);
        break;
      case 2:
        copy[place] = copy[8 + chance(copy.length - 8)]!;
        break;
      default:
        copy[place]! += chance(7) - 3;
    }
    if (chance(40) === 0) copy = copy.slice(0, place);
    if (copy.length <= 8) return copy;
  }
  return copy;
}
