// Objects that go on where another one ends: the same as all bytes at once, without storing the first ones again.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { UPLOAD_TYPE, type Vault } from "../../../host/vault/object.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { inPieces, openTestVault, putBytes, readBytes, type TestVault, testStores } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;

/** Puts the pieces one after the other, each behind the one before; answers the last id. */
async function putInSteps(vault: Vault, bytes: Uint8Array, ends: readonly number[]): Promise<string> {
  let after: string | undefined;
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    after = (await vault.put(inPieces(bytes.subarray(start, end), 70_000), { type: UPLOAD_TYPE }, { after })).id;
    start = end;
  }
  return (await vault.put(inPieces(new Uint8Array(0), 1), {}, { after })).id;
}

/** Of all shards, and so of the parity as well. */
function shardBytes({ stores }: TestVault): number {
  return stores.reduce(
    (sum, { inner }) => sum + [...inner.shards.values()].reduce((size, { length }) => size + length, 0),
    0,
  );
}

describe("an object after another", () => {
  test("is the very object that all its bytes at once are, wherever the steps end", async () => {
    const { vault } = await openTestVault();
    const bytes = seededBytes(3, 2 * MIB + 5);
    const { id } = await putBytes(vault, bytes);
    const end = fc.integer({ min: 0, max: bytes.length });
    await fc.assert(
      fc.asyncProperty(fc.array(end, { maxLength: 4 }), async (ends) => {
        const sorted = ends.toSorted((left, right) => left - right);
        expect(await putInSteps(vault, bytes, sorted)).toBe(id);
      }),
      { numRuns: 6 },
    );
    expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
  });

  test("stores its new bytes only, and stands when the one before is forgotten", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(4, 10 * MIB);
    const first = await putBytes(opened.vault, bytes.subarray(0, 8 * MIB));
    const before = shardBytes(opened);
    const { id, sizeBytes } = await opened.vault.put(inPieces(bytes.subarray(8 * MIB), MIB), {}, { after: first.id });
    // One chunk at most is begun anew; 6 shards for 4.
    expect(shardBytes(opened) - before).toBeLessThan((2 * MIB + LIMITS.vault.chunkSizeBytesMax) * 1.6);
    await opened.vault.forget(first.id);
    expect(sizeBytes).toBe(bytes.length);
    expect(Buffer.compare(await readBytes(opened.vault, id), bytes)).toBe(0);
  });

  test("stores again what does not stand as a fresh copy would", async () => {
    const stores = testStores(7);
    const { vault } = await openTestVault({ stores });
    const bytes = seededBytes(5, 2 * MIB);
    const first = await putBytes(vault, bytes.subarray(0, MIB));
    const lost = stores.find(({ inner }) => [...inner.shards.keys()].some((name) => !name.startsWith("mark-")))!;
    lost.fault = "gone";
    const { id } = await vault.put(inPieces(bytes.subarray(MIB), MIB), {}, { after: first.id });
    await vault.forget(first.id);
    expect(await vault.status()).toMatchObject({ margin: 2 });
    expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
  });

  test("is refused after nothing, and leaves nothing when its bytes break off", async () => {
    const { vault } = await openTestVault();
    const first = await putBytes(vault, seededBytes(6, MIB));
    const unknown = vault.put(inPieces(new Uint8Array(1), 1), {}, { after: first.id.replace(/.$/, "2") });
    await expect(unknown).rejects.toMatchObject({ code: "TWIN_OBJECT_UNKNOWN" });
    async function* broken() {
      yield seededBytes(7, MIB);
      throw new Error("cable pulled");
    }
    await expect(vault.put(broken(), {}, { after: first.id })).rejects.toThrow("cable pulled");
    expect(await vault.find(() => true)).toMatchObject([{ id: first.id }]);
    expect(await vault.status()).toMatchObject({ objectCount: 1, putsAtWork: 0 });
  });
});
