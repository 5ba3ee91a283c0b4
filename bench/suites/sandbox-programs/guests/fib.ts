// Recursion that does nothing but call: the price of a call.

/** The `index`th Fibonacci number, the slow way. */
export function fib(index: i32): i64 {
  return index < 2 ? <i64>index : fib(index - 1) + fib(index - 2);
}
