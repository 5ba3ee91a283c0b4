import { expect, it } from "vitest";
import { inspectPackage } from "../../../host/packages/inspect-package.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { damaged } from "../../support/damaged-module.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { createChance } from "../../support/campaign.ts";

it("tells something of any damaged package, and trusts none", async () => {
  const { bytes } = await builtCapability("echo");
  const below = createChance(7);
  for (let round = 0; round < 120; round++) {
    const broken = damaged(bytes, below);
    const report = inspectPackage(broken, kernels);
    expect(report.sizeBytes).toBe(broken.length);
    expect(() => JSON.stringify(report)).not.toThrow();
    if (Buffer.compare(broken, bytes) === 0) continue;
    expect(report.publisher, `round ${round}`).toBeUndefined();
    expect(report.problems).not.toEqual([]);
  }
});

it("tells something of whatever else a file may hold", () => {
  const below = createChance(8);
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (let round = 0; round < 1_000; round++) {
    const noise = Array.from({ length: below(200) }, () => below(below(4) === 0 ? 4 : 256));
    const file = Uint8Array.from(round % 3 === 0 ? noise : [...header, ...noise]);
    const report = inspectPackage(file, kernels);
    expect(report).toMatchObject({ sizeBytes: file.length, publisher: undefined, manifest: undefined });
    expect(report.problems).not.toEqual([]);
  }
});
