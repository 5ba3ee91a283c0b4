// An index from which rows were taken, or into which older ones were put back, by somebody who cannot make new ones.

import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import type { StateEntry } from "../../../host/state/state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { makeOldIndex } from "../../support/old-index.ts";
import { openTestVault, putBytes, readBytes, type TestVault } from "../../support/test-vault.ts";

const TABLES = ["block", "segment", "object", "part", "content"].map((table) => `$vault.${table}`);
const SHARED = seededBytes(1, 300_000);

type Rows = Map<string, readonly StateEntry[]>;

function rowsOf({ index }: TestVault): Rows {
  return new Map(
    TABLES.map((namespace) => [namespace, index.scan({ namespace, start: Uint8Array.of(0), limit: 1_000 })] as const),
  );
}

describe.each([
  ["as this host writes it", async (): Promise<void> => {}],
  ["as older hosts wrote it", makeOldIndex],
])("the scrub of an index %s", (_form, inForm) => {
  let opened: TestVault;
  /** As it was when one object was there, and as it is since another one uses the same content. */
  let older: Rows;
  let newer: Rows;

  beforeEach(async () => {
    opened = await openTestVault();
    await putBytes(opened.vault, SHARED, { name: "first" });
    await inForm(opened.index);
    older = rowsOf(opened);
    await putBytes(opened.vault, SHARED, { name: "second" });
    await inForm(opened.index);
    newer = rowsOf(opened);
  });

  const isFound = async (): Promise<void> => {
    await expect(opened.vault.scrub()).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
  };

  test("finds nothing wrong with one that is as it was written", async () => {
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
  });

  test.each(TABLES)(
    "finds any row of %s that was taken away, and deletes nothing by what is left",
    async (namespace) => {
      const shards = opened.stores.map(({ inner }) =>
        [...inner.shards.keys()].filter((name) => !name.includes("mark-")),
      );
      for (const { key, value } of newer.get(namespace)!) {
        await opened.index.commit([{ namespace, key, value: undefined }]);
        await isFound();
        opened.clock.advance(LIMITS.vault.orphanGraceMs);
        await isFound();
        await opened.index.commit([{ namespace, key, value }]);
      }
      for (const [at, { inner }] of opened.stores.entries())
        expect([...inner.shards.keys()]).toEqual(expect.arrayContaining(shards[at]!));
      expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
    },
  );

  test("finds a block that is said to have fewer users than it has, and one that is said to stand elsewhere", async () => {
    const [namespace] = TABLES as [string];
    const changed = older.get(namespace)!.filter(({ key, value }) => {
      const now = newer.get(namespace)!.find((row) => Buffer.compare(row.key, key) === 0);
      return Buffer.compare(now!.value, value) !== 0;
    });
    expect(changed.length).toBeGreaterThan(0);
    for (const { key, value } of changed) {
      await opened.index.commit([{ namespace, key, value }]);
      await isFound();
      const now = newer.get(namespace)!.find((row) => Buffer.compare(row.key, key) === 0)!.value;
      const elsewhere = now.slice();
      elsewhere[0]! ^= 1;
      await opened.index.commit([{ namespace, key, value: elsewhere }]);
      await isFound();
      await opened.index.commit([{ namespace, key, value: now }]);
    }
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0 });
  });

  test("finds rows of an object that was forgotten", async () => {
    const { id } = await putBytes(opened.vault, seededBytes(9, 5_000));
    await inForm(opened.index);
    const before = rowsOf(opened);
    await opened.vault.forget(id);
    const after = rowsOf(opened);
    for (const namespace of TABLES) {
      const known = new Set(after.get(namespace)!.map(({ key }) => key.toHex()));
      for (const row of before.get(namespace)!.filter(({ key }) => !known.has(key.toHex()))) {
        await opened.index.commit([{ namespace, ...row }]);
        await isFound();
        await opened.index.commit([{ namespace, key: row.key, value: undefined }]);
      }
    }
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0 });
  });

  test("is not misled by puts and forgets at the same time", async () => {
    const work = Promise.all(
      Array.from({ length: 12 }, async (_, at) => {
        const { id } = await putBytes(opened.vault, seededBytes(at + 20, 40_000));
        if (at % 3 === 0) await opened.vault.forget(id);
        return id;
      }),
    );
    for (let scrubs = 0; scrubs < 3; scrubs++) expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0 });
    const ids = await work;
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
    expect(await readBytes(opened.vault, ids[1]!)).toHaveLength(40_000);
  });
});
