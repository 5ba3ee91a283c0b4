// Floating point in a loop that ends early.

/** Rounds in all, over a picture of `size` times `size`. */
export function mandelbrot(size: i32): i64 {
  let total: i64 = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const cx = (3 * <f64>column) / <f64>size - 2;
      const cy = (2 * <f64>row) / <f64>size - 1;
      let x: f64 = 0;
      let y: f64 = 0;
      let round = 0;
      while (round < 100 && x * x + y * y <= 4) {
        const next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        round++;
      }
      total += round;
    }
  }
  return total;
}
