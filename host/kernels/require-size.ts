// The check that every door makes on what has a fixed size.

/** Throws `RangeError` unless `bytes` has exactly `size` bytes. `what` starts the sentence. */
export function requireSize(what: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new RangeError(`${what} has ${size} bytes, not ${bytes.length}.`);
}
