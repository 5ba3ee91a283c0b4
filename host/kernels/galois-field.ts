// GF(2^8) as a tower: an element is a + bY with a, b of GF(2^4) (modulo x^4 + x + 1) in its low and
// high half, and Y^2 = Y + x^3. Elements below 16 are GF(2^4) itself: codes that stay among them need
// half the work (docs/formats/erasure-code.md). Bulk products are done in WASM.

/** x^i for i of 0 to 29: twice the cycle of 15, so that a sum of two logarithms needs no reduction. */
const POWERS = new Uint8Array(30);
/** The logarithm to base x of each element of GF(2^4) but 0. */
const LOGARITHMS = new Uint8Array(16);

for (let exponent = 0, element = 1; exponent < 15; exponent++) {
  POWERS[exponent] = element;
  POWERS[exponent + 15] = element;
  LOGARITHMS[element] = exponent;
  element = element < 8 ? element << 1 : (element << 1) ^ 0x13;
}

/** Y^2 - Y, that is x^3: an element for which Y^2 - Y has no root in GF(2^4). */
const NORM = 8;

/** The product of two elements. */
export function multiply(left: number, right: number): number {
  const [a, b, c, d] = [left & 15, left >> 4, right & 15, right >> 4];
  const bd = multiplyHalves(b, d);
  const high = multiplyHalves(a, d) ^ multiplyHalves(b, c) ^ bd;
  return multiplyHalves(a, c) ^ multiplyHalves(bd, NORM) ^ (high << 4);
}

/** The inverse of an element that is not 0: its conjugate a + b + bY over its norm. */
export function invert(element: number): number {
  if (element === 0) throw new RangeError("0 has no inverse.");
  const [a, b] = [element & 15, element >> 4];
  const norm = multiplyHalves(a, a ^ b) ^ multiplyHalves(NORM, multiplyHalves(b, b));
  const scale = POWERS[15 - LOGARITHMS[norm]!]!;
  return multiplyHalves(a ^ b, scale) | (multiplyHalves(b, scale) << 4);
}

function multiplyHalves(left: number, right: number): number {
  if (left === 0 || right === 0) return 0;
  return POWERS[LOGARITHMS[left]! + LOGARITHMS[right]!]!;
}
