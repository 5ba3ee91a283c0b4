import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemRandom } from "../../../host/base/random.ts";
import { openPublisherKey } from "../../../host/packages/publisher-key.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "publisher-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("openPublisherKey", () => {
  it("makes a key once, for its owner's eyes alone, and finds it again", async () => {
    const path = join(folder, "deep", "publisher.key");
    const { id } = await openPublisherKey({ path, kernels, random: systemRandom });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await openPublisherKey({ path, kernels, random: systemRandom })).id).toBe(id);
  });

  it("refuses a key that others may read", async () => {
    const path = join(folder, "open.key");
    await openPublisherKey({ path, kernels, random: systemRandom });
    await chmod(path, 0o644);
    await expect(openPublisherKey({ path, kernels, random: systemRandom })).rejects.toMatchObject({
      code: "TWIN_KEYSTORE_INVALID",
    });
  });
});
