// GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d) and generator 2: the arithmetic
// behind the matrices of the erasure code. Bulk products are done in WASM.

/** 2^i for i of 0 to 509: twice the cycle of 255, so that a sum of two logarithms needs no reduction. */
const POWERS = new Uint8Array(510);
/** The logarithm of each element but 0. */
const LOGARITHMS = new Uint8Array(256);

for (let exponent = 0, element = 1; exponent < 255; exponent++) {
  POWERS[exponent] = element;
  POWERS[exponent + 255] = element;
  LOGARITHMS[element] = exponent;
  element = element < 128 ? element << 1 : (element << 1) ^ 0x11d;
}

/** The product of two elements. */
export function multiply(left: number, right: number): number {
  if (left === 0 || right === 0) return 0;
  return POWERS[LOGARITHMS[left]! + LOGARITHMS[right]!]!;
}

/** The inverse of an element that is not 0. */
export function invert(element: number): number {
  if (element === 0) throw new RangeError("0 has no inverse.");
  return POWERS[255 - LOGARITHMS[element]!]!;
}
