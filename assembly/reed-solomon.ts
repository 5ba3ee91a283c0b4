// Products of a coefficient matrix with stripes of shards over GF(2^8), polynomial 0x11d: both
// halves of Reed-Solomon (encode and reconstruct) are this one product. A byte is multiplied by
// two table look-ups, one for each half of it, 16 bytes at a time (Plank, Greenan, Miller:
// "Screaming Fast Galois Field Arithmetic Using Intel SIMD Instructions", FAST 2013).

/** Where the host puts the coefficients: row by row, one byte each; up to 4 rows of 254. */
export const RS_MATRIX: usize = memory.data(1016, 16);

/**
 * Products for each coefficient, all rows of shard 0, then of shard 1, ..: c times 0x00 .. 0x0f
 * (16 bytes), then c times 0x00, 0x10 .. 0xf0 (16 bytes). 254 x 4 x 32 bytes.
 */
const TABLES: usize = memory.data(32512, 16);
const TABLE_SIZE: usize = 32;

/** The shape of the prepared matrix. */
let preparedRows: usize = 0;
let preparedColumns: usize = 0;

/** Doubles an element of the field. */
function double(element: u32): u32 {
  return ((element << 1) ^ ((element >> 7) * 0x11d)) & 0xff;
}

/** Writes the 16 products of {0, 1 .. 15} with `c`. */
function writeProducts(out: usize, c: u32): void {
  const c2 = double(c), c4 = double(c2), c8 = double(c4);
  for (let i: u32 = 0; i < 16; i++) {
    const product = (c & -(i & 1)) ^ (c2 & -((i >> 1) & 1)) ^ (c4 & -((i >> 2) & 1)) ^ (c8 & -(i >> 3));
    store<u8>(out + i, <u8>product);
  }
}

/** Makes the tables for the `rows` (1 to 4) by `columns` (1 to 254) coefficients at {@link RS_MATRIX}. */
export function rsPrepare(rows: usize, columns: usize): void {
  preparedRows = rows;
  preparedColumns = columns;
  let table = TABLES;
  for (let column: usize = 0; column < columns; column++) {
    for (let row: usize = 0; row < rows; row++) {
      const c = <u32>load<u8>(RS_MATRIX + row * columns + column);
      writeProducts(table, c);
      writeProducts(table + 16, double(double(double(double(c)))));
      table += TABLE_SIZE;
    }
  }
}

/**
 * Multiplies the prepared matrix with its stripes at `input`, `stride` bytes from one to the next;
 * writes one stripe for each row at `output`, at the same stride. Of each, `size` bytes rounded
 * up to 32 are read and written: the stride must have room for that.
 */
export function rsMultiply(input: usize, output: usize, stride: usize, size: usize): void {
  switch (preparedRows) {
    case 1: multiply1(input, output, stride, size); break;
    case 2: multiply2(input, output, stride, size); break;
    case 3: multiply3(input, output, stride, size); break;
    default: multiply4(input, output, stride, size);
  }
}

/** The upper half of each byte, as an index of 0 to 15. */
function highHalf(data: v128): v128 {
  return v128.and(i16x8.shr_u(data, 4), i8x16.splat(15));
}

/** The product of 16 bytes, given as halves, with the coefficient of `table`. Indices are below 16, where relaxed swizzle is exact. */
@inline
function product(table: usize, low: v128, high: v128): v128 {
  return v128.xor(
    i8x16.relaxed_swizzle(load<v128>(table), low),
    i8x16.relaxed_swizzle(load<v128>(table, 16), high),
  );
}

// One function for each number of rows: the sums stay in registers, and a stripe is read once for all rows.

function multiply1(input: usize, output: usize, stride: usize, size: usize): void {
  const tablesEnd = TABLES + preparedColumns * TABLE_SIZE;
  for (let offset: usize = 0; offset < size; offset += 32) {
    let a0 = i64x2.splat(0), a1 = i64x2.splat(0);
    let data = input + offset;
    for (let table = TABLES; table < tablesEnd; table += TABLE_SIZE) {
      const d0 = load<v128>(data), d1 = load<v128>(data, 16);
      a0 = v128.xor(a0, product(table, v128.and(d0, i8x16.splat(15)), highHalf(d0)));
      a1 = v128.xor(a1, product(table, v128.and(d1, i8x16.splat(15)), highHalf(d1)));
      data += stride;
    }
    store<v128>(output + offset, a0);
    store<v128>(output + offset, a1, 16);
  }
}

function multiply2(input: usize, output: usize, stride: usize, size: usize): void {
  const tablesEnd = TABLES + preparedColumns * 2 * TABLE_SIZE;
  for (let offset: usize = 0; offset < size; offset += 32) {
    let a0 = i64x2.splat(0), a1 = i64x2.splat(0), b0 = i64x2.splat(0), b1 = i64x2.splat(0);
    let data = input + offset;
    for (let table = TABLES; table < tablesEnd; table += 2 * TABLE_SIZE) {
      const d0 = load<v128>(data), d1 = load<v128>(data, 16);
      const low0 = v128.and(d0, i8x16.splat(15)), high0 = highHalf(d0);
      const low1 = v128.and(d1, i8x16.splat(15)), high1 = highHalf(d1);
      a0 = v128.xor(a0, product(table, low0, high0));
      a1 = v128.xor(a1, product(table, low1, high1));
      b0 = v128.xor(b0, product(table + 32, low0, high0));
      b1 = v128.xor(b1, product(table + 32, low1, high1));
      data += stride;
    }
    store<v128>(output + offset, a0);
    store<v128>(output + offset, a1, 16);
    store<v128>(output + stride + offset, b0);
    store<v128>(output + stride + offset, b1, 16);
  }
}

function multiply3(input: usize, output: usize, stride: usize, size: usize): void {
  const tablesEnd = TABLES + preparedColumns * 3 * TABLE_SIZE;
  for (let offset: usize = 0; offset < size; offset += 16) {
    let a = i64x2.splat(0), b = i64x2.splat(0), c = i64x2.splat(0);
    let data = input + offset;
    for (let table = TABLES; table < tablesEnd; table += 3 * TABLE_SIZE) {
      const d = load<v128>(data);
      const low = v128.and(d, i8x16.splat(15)), high = highHalf(d);
      a = v128.xor(a, product(table, low, high));
      b = v128.xor(b, product(table + 32, low, high));
      c = v128.xor(c, product(table + 64, low, high));
      data += stride;
    }
    store<v128>(output + offset, a);
    store<v128>(output + stride + offset, b);
    store<v128>(output + 2 * stride + offset, c);
  }
}

function multiply4(input: usize, output: usize, stride: usize, size: usize): void {
  const tablesEnd = TABLES + preparedColumns * 4 * TABLE_SIZE;
  for (let offset: usize = 0; offset < size; offset += 32) {
    let a0 = i64x2.splat(0), a1 = i64x2.splat(0), b0 = i64x2.splat(0), b1 = i64x2.splat(0);
    let c0 = i64x2.splat(0), c1 = i64x2.splat(0), d0 = i64x2.splat(0), d1 = i64x2.splat(0);
    let data = input + offset;
    for (let table = TABLES; table < tablesEnd; table += 4 * TABLE_SIZE) {
      const first = load<v128>(data), second = load<v128>(data, 16);
      const low0 = v128.and(first, i8x16.splat(15)), high0 = highHalf(first);
      const low1 = v128.and(second, i8x16.splat(15)), high1 = highHalf(second);
      a0 = v128.xor(a0, product(table, low0, high0));
      a1 = v128.xor(a1, product(table, low1, high1));
      b0 = v128.xor(b0, product(table + 32, low0, high0));
      b1 = v128.xor(b1, product(table + 32, low1, high1));
      c0 = v128.xor(c0, product(table + 64, low0, high0));
      c1 = v128.xor(c1, product(table + 64, low1, high1));
      d0 = v128.xor(d0, product(table + 96, low0, high0));
      d1 = v128.xor(d1, product(table + 96, low1, high1));
      data += stride;
    }
    store<v128>(output + offset, a0);
    store<v128>(output + offset, a1, 16);
    store<v128>(output + stride + offset, b0);
    store<v128>(output + stride + offset, b1, 16);
    store<v128>(output + 2 * stride + offset, c0);
    store<v128>(output + 2 * stride + offset, c1, 16);
    store<v128>(output + 3 * stride + offset, d0);
    store<v128>(output + 3 * stride + offset, d1, 16);
  }
}
