// The product of two matrices of f64.

const SIZE = 64;
const left = memory.data(SIZE * SIZE * 8, 8);
const right = memory.data(SIZE * SIZE * 8, 8);
const product = memory.data(SIZE * SIZE * 8, 8);

/** A sum over the product of two matrices that depend on `seed`. */
export function matrix(seed: i32): i64 {
  for (let index = 0; index < SIZE * SIZE; index++) {
    store<f64>(left + (index << 3), <f64>((index + seed) % 13));
    store<f64>(right + (index << 3), <f64>((index * 7 + seed) % 11));
  }
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      let sum: f64 = 0;
      for (let index = 0; index < SIZE; index++) {
        sum += load<f64>(left + ((row * SIZE + index) << 3)) * load<f64>(right + ((index * SIZE + column) << 3));
      }
      store<f64>(product + ((row * SIZE + column) << 3), sum);
    }
  }
  let total: f64 = 0;
  for (let index = 0; index < SIZE * SIZE; index++) total += load<f64>(product + (index << 3)) * <f64>(index & 3);
  return <i64>total;
}
