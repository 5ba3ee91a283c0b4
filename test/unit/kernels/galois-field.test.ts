import { expect, it } from "vitest";
import { invert, multiply } from "../../../host/kernels/galois-field.ts";

/** Times x in GF(2^4), modulo x^4 + x + 1, in each half of `element`. */
function timesX(element: number): number {
  const carries = (element >> 3) & 0x11;
  return ((element << 1) & 0xee) ^ (carries * 3);
}

/** Times Y, where Y^2 = Y + x^3. */
function timesY(element: number): number {
  const [low, high] = [element & 15, element >> 4];
  return timesX(timesX(timesX(high))) ^ ((low ^ high) << 4);
}

/** One bit of the right factor at a time: 1, x, x^2, x^3, then Y times these. */
function schoolbook(left: number, right: number): number {
  let sum = 0;
  for (let bit = 0, low = left, high = timesY(left); bit < 4; bit++, low = timesX(low), high = timesX(high)) {
    if ((right >> bit) & 1) sum ^= low;
    if ((right >> (4 + bit)) & 1) sum ^= high;
  }
  return sum;
}

it("multiplies as the schoolbook does, all 65,536 pairs", () => {
  for (let left = 0; left < 256; left++) {
    const row = Array.from({ length: 256 }, (_, right) => multiply(left, right));
    expect(row).toEqual(row.map((_, right) => schoolbook(left, right)));
  }
  expect(multiply(2, 8)).toBe(3);
  expect(multiply(16, 16)).toBe(0x18);
});

it("inverts every element but 0", () => {
  for (let element = 1; element < 256; element++) expect(multiply(element, invert(element))).toBe(1);
  expect(() => invert(0)).toThrow(RangeError);
});
