import { expect, it } from "vitest";
import { invert, multiply } from "../../../host/kernels/galois-field.ts";

/** Shift, add and reduce by 0x11d, one bit at a time. */
function schoolbook(left: number, right: number): number {
  let sum = 0;
  for (let factor = left, bits = right; bits > 0; bits >>= 1) {
    if ((bits & 1) === 1) sum ^= factor;
    factor = factor < 128 ? factor << 1 : (factor << 1) ^ 0x11d;
  }
  return sum;
}

it("multiplies as the schoolbook does, all 65,536 pairs", () => {
  for (let left = 0; left < 256; left++) {
    const row = Array.from({ length: 256 }, (_, right) => multiply(left, right));
    expect(row).toEqual(row.map((_, right) => schoolbook(left, right)));
  }
  expect(multiply(2, 128)).toBe(0x1d);
});

it("inverts every element but 0", () => {
  for (let element = 1; element < 256; element++) expect(multiply(element, invert(element))).toBe(1);
  expect(() => invert(0)).toThrow(RangeError);
});
