// Products of a coefficient matrix with stripes of shards over GF(2^8), bit-sliced: 128 symbols at a
// time lie in 8 planes of 16 bytes, and a product is nothing but exclusive or (docs/formats/erasure-code.md).
// This is the kernel for any matrix; those that are used much become code of their own (host/kernels/xor-module.ts).

/** Where the host puts the coefficients: row by row, one byte each; rows and columns together are at most 255. */
export const RS_MATRIX: usize = memory.data(128 * 128, 16);

/** One plane holds one bit of each of 128 symbols. */
const PLANE: usize = 16;
const STRIPE: usize = 8 * PLANE;

/**
 * All sums of the planes of up to 16 shards, a shard's one behind the other: the 16 sums of planes
 * 0 to 3, then the 16 of planes 4 to 7 ("method of the four Russians").
 */
const SUMS: usize = memory.data(16 * 512, 64);
const SUMS_SIZE: usize = 32 * PLANE;
const GROUP: usize = 16;

/** For each coefficient and each plane of its product, where in a shard's sums the two halves stand: 256 x 8 x 2 u16. */
const PLACES: usize = memory.data(256 * 32, 16);
const PLACES_SIZE: usize = 32;

/** The shape of the prepared matrix. */
let preparedRows: usize = 0;
let preparedColumns: usize = 0;
let hasPlaces = false;

/** `element` times x, the generator of GF(2^4): each half on its own, modulo x^4 + x + 1. */
function timesX(element: u32): u32 {
  return ((element << 1) & 0xee) ^ (((element >> 3) & 0x11) * 3);
}

/** `element` times Y, where Y^2 = Y + x^3: (a + bY)Y = x^3 b + (a + b)Y. */
function timesY(element: u32): u32 {
  const low = element & 15, high = element >> 4;
  return timesX(timesX(timesX(high))) | ((low ^ high) << 4);
}

/** Fills {@link PLACES}: plane r of c times a symbol is the sum of the planes b for which bit r of c times 2^b is set. */
function writePlaces(): void {
  for (let c: u32 = 0; c < 256; c++) {
    let low = c, high = timesY(c);
    let lowBits: u64 = 0, highBits: u64 = 0;
    // Nibble r of lowBits (highBits) says which of planes 0 to 3 (4 to 7) make up plane r.
    for (let b: u32 = 0; b < 4; b++) {
      for (let r: u32 = 0; r < 8; r++) {
        lowBits |= <u64>((low >> r) & 1) << (4 * r + b);
        highBits |= <u64>((high >> r) & 1) << (4 * r + b);
      }
      low = timesX(low);
      high = timesX(high);
    }
    for (let r: u32 = 0; r < 8; r++) {
      const place = PLACES + <usize>c * PLACES_SIZE + <usize>r * 4;
      store<u16>(place, <u16>(((lowBits >> (4 * r)) & 15) * PLANE));
      store<u16>(place, <u16>(((highBits >> (4 * r)) & 15) * PLANE + 16 * PLANE), 2);
    }
  }
}

/** Takes the `rows` by `columns` coefficients at {@link RS_MATRIX} for the products that follow. */
export function rsPrepare(rows: usize, columns: usize): void {
  if (!hasPlaces) {
    writePlaces();
    hasPlaces = true;
  }
  preparedRows = rows;
  preparedColumns = columns;
}

/**
 * Multiplies the prepared matrix with its stripes at `input`, `stride` bytes from one to the next;
 * writes one stripe for each row at `output`, at the same stride. `size` is a multiple of 128.
 */
export function rsMultiply(input: usize, output: usize, stride: usize, size: usize): void {
  const rows = preparedRows, columns = preparedColumns;
  for (let offset: usize = 0; offset < size; offset += STRIPE) {
    for (let first: usize = 0; first < columns; first += GROUP) {
      const count = min(GROUP, columns - first);
      for (let column: usize = 0; column < count; column++) {
        const planes = input + (first + column) * stride + offset;
        writeSums(SUMS + column * SUMS_SIZE, planes);
        writeSums(SUMS + column * SUMS_SIZE + 16 * PLANE, planes + 4 * PLANE);
      }
      for (let row: usize = 0; row < rows; row++) {
        addProducts(output + row * stride + offset, RS_MATRIX + row * columns + first, count, first == 0);
      }
    }
  }
}

/** The 16 sums of four planes; the index of a sum says which. */
function writeSums(sums: usize, planes: usize): void {
  const a = load<v128>(planes), b = load<v128>(planes, 16), c = load<v128>(planes, 32), d = load<v128>(planes, 48);
  const ab = v128.xor(a, b), cd = v128.xor(c, d);
  store<v128>(sums, i64x2.splat(0));
  store<v128>(sums, a, 16);
  store<v128>(sums, b, 32);
  store<v128>(sums, ab, 48);
  store<v128>(sums, c, 64);
  store<v128>(sums, v128.xor(a, c), 80);
  store<v128>(sums, v128.xor(b, c), 96);
  store<v128>(sums, v128.xor(ab, c), 112);
  store<v128>(sums, d, 128);
  store<v128>(sums, v128.xor(a, d), 144);
  store<v128>(sums, v128.xor(b, d), 160);
  store<v128>(sums, v128.xor(ab, d), 176);
  store<v128>(sums, cd, 192);
  store<v128>(sums, v128.xor(a, cd), 208);
  store<v128>(sums, v128.xor(b, cd), 224);
  store<v128>(sums, v128.xor(ab, cd), 240);
}

/** The two halves of a plane of a product. */
@inline
function planeOf(sums: usize, place: usize): v128 {
  return v128.xor(load<v128>(sums + <usize>load<u16>(place)), load<v128>(sums + <usize>load<u16>(place, 2)));
}

/** Adds the products of `count` coefficients with the shards in {@link SUMS} to the 8 planes at `out`. */
function addProducts(out: usize, coefficients: usize, count: usize, isFirst: bool): void {
  let p0 = i64x2.splat(0), p1 = p0, p2 = p0, p3 = p0, p4 = p0, p5 = p0, p6 = p0, p7 = p0;
  if (!isFirst) {
    p0 = load<v128>(out);
    p1 = load<v128>(out, 16);
    p2 = load<v128>(out, 32);
    p3 = load<v128>(out, 48);
    p4 = load<v128>(out, 64);
    p5 = load<v128>(out, 80);
    p6 = load<v128>(out, 96);
    p7 = load<v128>(out, 112);
  }
  let sums = SUMS;
  for (let end = coefficients + count; coefficients < end; coefficients++) {
    const places = PLACES + <usize>load<u8>(coefficients) * PLACES_SIZE;
    p0 = v128.xor(p0, planeOf(sums, places));
    p1 = v128.xor(p1, planeOf(sums, places + 4));
    p2 = v128.xor(p2, planeOf(sums, places + 8));
    p3 = v128.xor(p3, planeOf(sums, places + 12));
    p4 = v128.xor(p4, planeOf(sums, places + 16));
    p5 = v128.xor(p5, planeOf(sums, places + 20));
    p6 = v128.xor(p6, planeOf(sums, places + 24));
    p7 = v128.xor(p7, planeOf(sums, places + 28));
    sums += SUMS_SIZE;
  }
  store<v128>(out, p0);
  store<v128>(out, p1, 16);
  store<v128>(out, p2, 32);
  store<v128>(out, p3, 48);
  store<v128>(out, p4, 64);
  store<v128>(out, p5, 80);
  store<v128>(out, p6, 96);
  store<v128>(out, p7, 112);
}

// The end of a shard that fills no whole stripe: there each byte is a symbol.

const BYTES: usize = memory.data(128, 16);

/** Turns 128 bytes into planes, in each of `count` stripes: bit t of plane i is bit i of byte t. */
export function rsSlice(stripe: usize, stride: usize, count: usize): void {
  for (const end = stripe + count * stride; stripe < end; stripe += stride) {
    memory.copy(BYTES, stripe, STRIPE);
    for (let part: usize = 0; part < 8; part++) {
      const bytes = load<v128>(BYTES + part * 16);
      for (let plane: usize = 0; plane < 8; plane++) {
        const bits = i8x16.bitmask(i8x16.shl(bytes, 7 - <i32>plane));
        store<u16>(stripe + plane * PLANE + part * 2, <u16>bits);
      }
    }
  }
}

/** Turns planes back into bytes, in each of `count` stripes. */
export function rsUnslice(stripe: usize, stride: usize, count: usize): void {
  const spread = i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const ownBit = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  for (const end = stripe + count * stride; stripe < end; stripe += stride) {
    memory.copy(BYTES, stripe, STRIPE);
    for (let part: usize = 0; part < 8; part++) {
      let bytes = i64x2.splat(0);
      for (let plane: usize = 0; plane < 8; plane++) {
        const bits = i8x16.swizzle(i16x8.splat(load<i16>(BYTES + plane * PLANE + part * 2)), spread);
        const isSet = i8x16.eq(v128.and(bits, ownBit), ownBit);
        bytes = v128.or(bytes, v128.and(isSet, i8x16.splat(<i8>((<u32>1) << <u32>plane))));
      }
      store<v128>(stripe + part * 16, bytes);
    }
  }
}
