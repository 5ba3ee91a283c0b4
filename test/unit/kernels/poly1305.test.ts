import { xchacha20 } from "@noble/ciphers/chacha.js";
import { expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

// Random messages meet the last subtraction of Poly1305 once in 2^128. Here the message is
// computed backwards from the sum at which it is to end.

const P = 2n ** 130n - 5n;
const KEY = seededBytes(31, 32);
const NOTHING = new Uint8Array(0);

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let bits = exponent, square = base; bits > 0n; bits >>= 1n, square = mod(square * square)) {
    if ((bits & 1n) === 1n) result = mod(result * square);
  }
  return result;
}

/** The number of little-endian bytes. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${hexEncode(bytes.toReversed())}`);
}

/** 16 bytes of additional data for which the accumulator ends as `target` mod p; `undefined` where 16 bytes cannot. */
function dataFor(nonce: Uint8Array, target: bigint): Uint8Array | undefined {
  const oneTimeKey = xchacha20(KEY, nonce, new Uint8Array(32));
  const r = numberOf(oneTimeKey.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const inverse = power(r, P - 2n);
  const sizesBlock = 2n ** 128n + 16n;
  const block = mod(mod(target * inverse - sizesBlock) * inverse) - 2n ** 128n;
  if (block < 0n || block >= 2n ** 128n) return undefined;
  return Uint8Array.fromHex(block.toString(16).padStart(32, "0")).toReversed();
}

it("gives the right tag where the sum ends within 5 of the modulus, on both sides", async () => {
  const kernels = await openKernels();
  let metCount = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const nonce = seededBytes(seed, 24);
    const data = dataFor(nonce, BigInt(seed % 10) - 5n);
    if (data === undefined) continue;
    metCount++;
    expect(hexEncode(kernels.seal(KEY, nonce, NOTHING, data))).toBe(
      hexEncode(referenceKernels.seal(KEY, nonce, NOTHING, data)),
    );
  }
  expect(metCount).toBeGreaterThan(20);
});
