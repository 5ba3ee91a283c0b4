import { expect, test } from "vitest";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { startCampaign } from "../support/campaign.ts";
import { referenceKernels } from "../support/reference-kernels.ts";
import { seededBytes } from "../support/seeded-bytes.ts";

const ROUNDS = 400;

test(`${ROUNDS} random codes of up to 255 shards give the reference's parity and bring back random losses`, async () => {
  const { below, hasTime } = startCampaign(1);
  const kernels = await openKernels();
  let rounds = 0;
  for (; rounds < ROUNDS && hasTime(); rounds++) {
    const parityCount = 1 + below(below(4) === 0 ? 200 : 12);
    const dataCount = 1 + below(255 - parityCount);
    // Sizes that cross stripes, and now and then enough for a program of its own.
    const size = 1 + below(below(10) === 0 ? 4_000_000 / dataCount : 700);
    const code = kernels.createErasureCode(dataCount, parityCount);
    const data = Array.from({ length: dataCount }, (_, index) => seededBytes(rounds * 256 + index, size));
    const shards = [...data, ...code.encode(data)];
    const compared = Math.min(size, 512);
    const head = data.map((shard) => shard.slice(0, compared));
    const expected = referenceKernels.createErasureCode(dataCount, parityCount).encode(head);
    const what = `${dataCount}+${parityCount} of ${size} bytes`;
    // Whole stripes do not depend on what follows them; the rest is coded by bytes.
    const equal = size <= 512 ? size : compared;
    for (const [index, shard] of expected.entries()) {
      expect(Buffer.compare(shards[dataCount + index]!.subarray(0, equal), shard), what).toBe(0);
    }
    for (let pass = 0; pass < 3; pass++) {
      const lost = new Set(Array.from({ length: 1 + below(parityCount) }, () => below(dataCount + parityCount)));
      const whole = code.reconstruct(shards.map((shard, index) => (lost.has(index) ? undefined : shard)));
      for (const index of lost) expect(Buffer.compare(whole[index]!, shards[index]!), what).toBe(0);
    }
    expect(code.verify(shards), what).toBe(true);
  }
  expect(rounds).toBeGreaterThan(0);
});
