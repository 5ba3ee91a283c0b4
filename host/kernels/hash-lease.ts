// An input in the kernels' own memory, apart from the window: hashed without a copy.

import type { HashLease } from "./blake3.ts";
import { HASH_SIZE, type HashEngine, KEY_SIZE, SHORT_SIZE_MAX } from "./hash-engine.ts";
import { addressOf } from "./kernel-module.ts";

const INPUT_SIZE = 65_536;

/** Engines whose place for a leased input is in use. */
const leased = new WeakSet<HashEngine>();

/** Leases the one place for an input in the memory of `engine`. Throws `TypeError` while it is leased. */
export function leaseHash(engine: HashEngine): HashLease {
  if (leased.has(engine)) throw new TypeError("The place for an input is leased: dispose that lease before the next.");
  leased.add(engine);
  const { exports, bytes } = engine.module;
  const key = addressOf(exports.BLAKE3_LEASE);
  const digest = key + KEY_SIZE;
  const input = digest + HASH_SIZE;
  let disposed = false;

  const hash = (size: number, keyAt: number): void => {
    if (disposed) throw new TypeError("This lease was disposed: take another one.");
    if (!Number.isInteger(size) || size < 0 || size > INPUT_SIZE) {
      throw new RangeError(`A leased input has 0 to ${INPUT_SIZE} bytes, not ${size}.`);
    }
    if (size <= SHORT_SIZE_MAX) {
      exports.blake3Short(input, size, keyAt, digest);
      return;
    }
    engine.claim(undefined);
    exports.blake3Start(keyAt === 0 ? 0 : engine.putKey(bytes.subarray(keyAt, keyAt + KEY_SIZE)));
    exports.blake3Update(input, size);
    exports.blake3End();
    exports.blake3Root(digest);
    exports.blake3Wipe();
  };

  return {
    key: bytes.subarray(key, digest),
    digest: bytes.subarray(digest, input),
    input: bytes.subarray(input, input + INPUT_SIZE),
    hash: (size) => hash(size, 0),
    keyedHash: (size) => hash(size, key),
    [Symbol.dispose]() {
      if (disposed) return;
      disposed = true;
      leased.delete(engine);
      bytes.fill(0, key, input + INPUT_SIZE);
    },
  };
}
