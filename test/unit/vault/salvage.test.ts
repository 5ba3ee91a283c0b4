// Headers that are gone do not make bytes lost that are there: the seals of the blocks vouch for them.

import { describe, expect, test } from "vitest";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { seededText } from "../../support/seeded-text.ts";
import { combinations, openTestVault, readBytes, type TestVault } from "../../support/test-vault.ts";

const ALL = [0, 1, 2, 3, 4, 5];
const HEADER_SIZE = 104;

/** A vault with one segment of a few blocks, some of them compressed, and its shards by index. */
async function openFilled() {
  const opened = await openTestVault();
  const contents = [seededBytes(1, 150_000), seededText(2, 60_000)];
  const ids: string[] = [];
  const source = opened.vault.put(
    (async function* () {
      yield* contents;
    })(),
  );
  ids.push((await source).id);
  const whole = contents.flatMap((bytes) => [...bytes]);
  return { ...opened, id: ids[0]!, bytes: Uint8Array.from(whole), shards: shardsOf(opened) };
}

function shardsOf({ stores }: TestVault): { readonly index: number; readonly bytes: Uint8Array }[] {
  const shards = stores.flatMap(({ inner }) => [...inner.shards].filter(([name]) => !name.startsWith("mark-")));
  return shards
    .map(([name, bytes]) => ({ index: Number.parseInt(name.slice(33, 35), 16), bytes }))
    .toSorted((left, right) => left.index - right.index);
}

/** Zeroes the headers of the shards and flips a byte of the data of others; answers what the shards were. */
function harm(
  shards: readonly { readonly bytes: Uint8Array }[],
  { headless, rotten }: { readonly headless: readonly number[]; readonly rotten: readonly number[] },
): Uint8Array[] {
  const before = shards.map(({ bytes }) => bytes.slice());
  for (const index of headless) shards[index]!.bytes.fill(0, 0, HEADER_SIZE);
  for (const index of rotten) shards[index]!.bytes[HEADER_SIZE + 200]! ^= 1;
  return before;
}

describe("a segment", () => {
  test.each([3, 4, 5, 6])(
    "whose headers are gone in %i of six shards is read, and made again by a scrub",
    async (count) => {
      for (const headless of combinations(ALL, count).slice(0, 3)) {
        const opened = await openFilled();
        const before = harm(opened.shards, { headless, rotten: [] });
        expect(Buffer.compare(await readBytes(opened.vault, opened.id), opened.bytes)).toBe(0);
        expect(await opened.vault.scrub()).toMatchObject({
          shardsCorrupt: count,
          shardsRepaired: count,
          segmentsLost: 0,
          margin: 2,
        });
        expect(shardsOf(opened).map(({ bytes }) => bytes.toHex())).toEqual(before.map((bytes) => bytes.toHex()));
      }
    },
  );

  test("whose headers are gone everywhere is made again around any two shards whose data is rotten too", async () => {
    for (const rotten of combinations(ALL, 2)) {
      const opened = await openFilled();
      const before = harm(opened.shards, { headless: ALL, rotten });
      expect(await opened.vault.scrub()).toMatchObject({ shardsRepaired: 6, segmentsLost: 0 });
      expect(shardsOf(opened).map(({ bytes }) => bytes.toHex())).toEqual(before.map((bytes) => bytes.toHex()));
      expect(Buffer.compare(await readBytes(opened.vault, opened.id), opened.bytes)).toBe(0);
    }
  });

  test("of which three shards have neither header nor data is lost, and nothing is written over it", async () => {
    const opened = await openFilled();
    harm(opened.shards, { headless: ALL, rotten: [0, 2, 5] });
    const harmed = opened.shards.map(({ bytes }) => bytes.toHex());
    expect(await opened.vault.scrub()).toMatchObject({ shardsRepaired: 0, segmentsLost: 1 });
    expect(shardsOf(opened).map(({ bytes }) => bytes.toHex())).toEqual(harmed);
    await expect(readBytes(opened.vault, opened.id)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
  });

  test("that is written down as broken in more shards than may be is read from what stands there", async () => {
    const opened = await openFilled();
    harm(opened.shards, { headless: [0, 1, 2], rotten: [] });
    // A store that gives headers of nobody: the scrub notes it and cannot put others there.
    for (const store of opened.stores) store.put = async () => Promise.reject(new Error("the disk is read-only"));
    await opened.vault.scrub();
    expect((await opened.vault.status()).margin).toBeLessThan(0);
    expect(Buffer.compare(await readBytes(opened.vault, opened.id), opened.bytes)).toBe(0);
  });

  test("comes back to an empty index with the header of a single shard", async () => {
    const opened = await openFilled();
    harm(opened.shards, { headless: [0, 1, 2, 4, 5], rotten: [] });
    const again = await openTestVault({ stores: opened.stores, index: createMemoryStateStore(), seed: "again" });
    expect(Buffer.compare(await readBytes(again.vault, opened.id), opened.bytes)).toBe(0);
    expect(await again.vault.scrub()).toMatchObject({ shardsRepaired: 5, segmentsLost: 0, margin: 2 });
  });
});
