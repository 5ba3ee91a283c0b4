import { expect, test } from "vitest";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { startCampaign } from "../support/campaign.ts";
import { referenceKernels } from "../support/reference-kernels.ts";
import { seededBytes } from "../support/seeded-bytes.ts";

const SIZE_MAX = 600_000;

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

test("random messages are sealed, opened, refused and hashed as the references do, however they are split", async () => {
  const { seed, below, hasTime } = startCampaign(1);
  const kernels = await openKernels();
  // Bytes of ones among random ones: sums and carries at their largest.
  const pool = seededBytes((seed % 1_000_000) + 1, SIZE_MAX + 4_096);
  pool.fill(0xff, 200_000, 210_000);
  const take = (size: number): Uint8Array => {
    const start = below(pool.length - size);
    return pool.subarray(start, start + size);
  };
  /** Small sizes most, then edges of blocks, sets and chunks, now and then large ones. */
  const randomSize = (): number => {
    const kind = below(10);
    if (kind < 5) return below(2_500);
    if (kind < 9) return Math.max(0, (1 + below(80)) * [16, 64, 256, 1_024][below(4)]! + below(5) - 2);
    return below(SIZE_MAX);
  };
  let rounds = 0;
  for (; hasTime(); rounds++) {
    const size = randomSize();
    const plaintext = take(size);
    const key = take(32);
    const additionalData = take(below(4) === 0 ? below(9_000) : below(40));
    const name = below(2) === 0 ? "chacha20poly1305" : "xchacha20poly1305";
    const cipher = kernels[name];
    const nonce = take(cipher.nonceSize);
    const what = `${name}, ${size} bytes, ${additionalData.length} of additional data, round ${rounds}`;

    const sealed = cipher.seal(key, nonce, plaintext, additionalData);
    expect(same(sealed, referenceKernels[name].seal(key, nonce, plaintext, additionalData)), what).toBe(true);
    expect(same(cipher.open(key, nonce, sealed, additionalData), plaintext), what).toBe(true);
    const bit = below(sealed.length * 8);
    sealed[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => cipher.open(key, nonce, sealed, additionalData), what).toThrow("Expected sealed bytes");

    const keyed = below(2) === 0 ? key : undefined;
    const hasher = kernels.createHasher(keyed);
    for (let at = 0; at < size;) {
      const end = Math.min(size, at + 1 + below(below(3) === 0 ? 70_000 : 3_000));
      hasher.update(plaintext.subarray(at, end));
      at = end;
    }
    const expected = referenceKernels.blake3.hash(plaintext, keyed);
    expect(same(hasher.digest(), expected), what).toBe(true);
    expect(same(kernels.blake3.hash(plaintext, keyed), expected), what).toBe(true);
    expect(same(kernels.sha256(plaintext), referenceKernels.sha256(plaintext)), what).toBe(true);
  }
  expect(rounds).toBeGreaterThan(0);
});
