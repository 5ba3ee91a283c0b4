// Products of a coefficient matrix with stripes of shards over GF(2^8), polynomial 0x11d: both
// halves of Reed-Solomon (encode and reconstruct) are this one product. A byte is multiplied by
// two table look-ups, one for each half of it, 16 bytes at a time (Plank, Greenan, Miller:
// "Screaming Fast Galois Field Arithmetic Using Intel SIMD Instructions", FAST 2013).

/** Shards that may be summed up in one row. */
const COLUMNS_MAX: usize = 254;
/** Rows of output made at once, so that each input byte is read once for all of them. */
const ROWS_MAX: usize = 4;

/** Where the host puts the coefficients: row by row, one byte each; up to 4 rows of 254. */
export const RS_MATRIX: usize = memory.data(1016, 16);

/**
 * Products for each coefficient, in column-major order (all rows of shard 0, then of shard 1):
 * c times 0x00..0x0f (16 bytes), then c times 0x00, 0x10, .. 0xf0 (16 bytes).
 */
const TABLES: usize = memory.data(32512, 16);

/** Doubles an element of the field. */
function double(element: u32): u32 {
  return ((element << 1) ^ ((element >> 7) * 0x11d)) & 0xff;
}

/** Writes the 16 products of {0, 1, .. 15} with `c`, given c itself. */
function writeProducts(out: usize, c: u32): void {
  const c2 = double(c), c4 = double(c2), c8 = double(c4);
  store<u8>(out, 0);
  for (let i: u32 = 1; i < 16; i++) {
    const product = (c & -(i & 1)) ^ (c2 & -((i >> 1) & 1)) ^ (c4 & -((i >> 2) & 1)) ^ (c8 & -(i >> 3));
    store<u8>(out + i, <u8>product);
  }
}

/** Makes the tables for the `rows` (1 to 4) by `columns` (1 to 254) coefficients at {@link RS_MATRIX}. */
export function rsPrepare(rows: usize, columns: usize): void {
  let table = TABLES;
  for (let column: usize = 0; column < columns; column++) {
    for (let row: usize = 0; row < rows; row++) {
      const c = <u32>load<u8>(RS_MATRIX + row * columns + column);
      writeProducts(table, c);
      writeProducts(table + 16, double(double(double(double(c)))));
      table += 32;
    }
  }
}

/**
 * Multiplies the prepared matrix with `columns` stripes at `input`, `stride` bytes from one to
 * the next; writes `rows` stripes at `output`, at the same stride. `size` bytes of each, rounded
 * up to 16, are read and written: the stride must have room for that.
 */
export function rsMultiply(rows: usize, columns: usize, input: usize, output: usize, stride: usize, size: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let offset: usize = 0; offset < size; offset += 16) {
      let sum = i64x2.splat(0);
      for (let column: usize = 0; column < columns; column++) {
        const data = load<v128>(input + column * stride + offset);
        const table = TABLES + (column * rows + row) * 32;
        const low = v128.and(data, i8x16.splat(15));
        const high = i8x16.shr_u(data, 4);
        sum = v128.xor(sum, i8x16.swizzle(load<v128>(table), low));
        sum = v128.xor(sum, i8x16.swizzle(load<v128>(table, 16), high));
      }
      store<v128>(output + row * stride + offset, sum);
    }
  }
}
