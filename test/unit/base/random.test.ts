import { expect, test } from "vitest";
import { createPooledRandom, systemRandom } from "../../../host/base/random.ts";

test("small requests share one question to the machine, and get bytes that nobody else gets", () => {
  let asked = 0;
  let next = 0;
  const random = createPooledRandom((bytes) => {
    asked += 1;
    for (let index = 0; index < bytes.length; index++) bytes[index] = next++;
  });
  const parts = Array.from({ length: 300 }, (_, index) => random.bytes(index % 40));
  // Each pool counts on; what is left of one is thrown away when a request does not fit.
  for (const part of parts) expect([...part]).toEqual([...part].map((_, index) => (part[0]! + index) % 256));
  expect(asked).toBeLessThan(4);
  const before = asked;
  expect(random.bytes(1_000)).toHaveLength(1_000);
  expect(asked).toBe(before + 1);
});

test("what was handed out is its caller's own, and is not kept", () => {
  const pools: Uint8Array[] = [];
  const random = createPooledRandom((bytes) => {
    pools.push(bytes);
    bytes.fill(7);
  });
  const secret = random.bytes(24);
  expect(pools[0]!.subarray(0, 24).every((byte) => byte === 0)).toBe(true);
  secret.fill(0);
  expect([...random.bytes(4)]).toEqual([7, 7, 7, 7]);
});

test("the machine's generator does not repeat itself", () => {
  const seen = new Set(Array.from({ length: 1_000 }, () => systemRandom.bytes(24).toHex()));
  expect(seen.size).toBe(1_000);
  expect(systemRandom.bytes(0)).toHaveLength(0);
});
