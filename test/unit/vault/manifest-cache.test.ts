// Nodes are read once, while they are in use, and not kept for ever.

import { expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { encodeManifest, sizeBelow } from "../../../host/vault/manifest.ts";
import { createManifestCache } from "../../../host/vault/manifest-cache.ts";

const now = async (): Promise<void> => {};

test("keeps the nodes that were read last, and nothing of a read that failed", async () => {
  const reads: number[] = [];
  let isDown = false;
  const cache = createManifestCache({
    readWhole: async (id) => {
      reads.push(id[0]!);
      if (isDown) throw new Error("down");
      return encodeManifest({ level: 0, entries: [{ id: new Uint8Array(32), sizeBytes: id[0]! }], type: "", name: "" });
    },
  });
  const read = async (number: number): Promise<number> => sizeBelow(await cache.read(Uint8Array.of(number), now));
  isDown = true;
  await expect(read(0)).rejects.toThrow("down");
  isDown = false;
  for (let number = 0; number < LIMITS.vault.manifestNodesKept; number++) expect(await read(number)).toBe(number);
  // In use again: 1 is now the oldest.
  expect(await read(0)).toBe(0);
  expect(await read(100)).toBe(100);
  reads.length = 0;
  expect([await read(0), await read(100), await read(1)]).toEqual([0, 100, 1]);
  expect(reads).toEqual([1]);
});
