import { describe, expect, test } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import type { StateStore } from "../../../host/state/state-store.ts";
import { createVaultIndex, indexWrites, type VaultIndex } from "../../../host/vault/vault-index.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { makeOldIndex } from "../../support/old-index.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes } from "../../support/test-vault.ts";

const SEGMENT = "11".repeat(16);
const OTHER_SEGMENT = "22".repeat(16);
const IDS = Array.from({ length: 60 }, (_, at) => seededBytes(at, 32));
const RECORD = { sizeBytes: 5, type: "text/plain", name: "a" };

function open(): { readonly state: StateStore; readonly index: VaultIndex } {
  const state = createMemoryStateStore();
  return { state, index: createVaultIndex(state) };
}

function blockIn(segment: string, id: Uint8Array) {
  return indexWrites.block(segment, { id, kind: "data", offset: 0, sizeBytes: 5, storedBytes: 5 }, 1);
}

function namesOf(ids: Iterable<Uint8Array>): string[] {
  return Array.from(ids, hexEncode).toSorted();
}

function countOf(state: StateStore, table: string): number {
  return state.scan({ namespace: `$vault.${table}`, start: Uint8Array.of(0), limit: 1_000 }).length;
}

describe("the index of a vault", () => {
  test("lists the blocks of a segment that its rows name and that say so themselves, each once", async () => {
    const { state, index } = open();
    await index.commit([
      ...indexWrites.content(SEGMENT, IDS),
      ...IDS.map((id, at) => blockIn(at < 50 ? SEGMENT : OTHER_SEGMENT, id)),
      indexWrites.noBlock(IDS[3]!),
    ]);
    // One came back, and one alone came later.
    await index.commit([...indexWrites.content(SEGMENT, [IDS[7]!, IDS[8]!])]);
    const late = seededBytes(99, 32);
    await index.commit([...indexWrites.content(SEGMENT, [late]), blockIn(SEGMENT, late)]);
    const expected = [...IDS.slice(0, 3), ...IDS.slice(4, 50), late];
    expect(namesOf(index.contentOf(SEGMENT))).toEqual(namesOf(expected));
    expect([...index.contentOf(OTHER_SEGMENT)]).toEqual([]);
    expect(countOf(state, "content")).toBe(5);
    await index.commit([...index.withoutContent(SEGMENT)]);
    expect(countOf(state, "content")).toBe(0);
  });

  test.each([
    { parts: 1, rows: 0 },
    { parts: 4, rows: 0 },
    { parts: 5, rows: 5 },
  ])("knows the $parts parts of an object, wherever they stand", async ({ parts, rows }) => {
    const { state, index } = open();
    const [id = new Uint8Array()] = IDS;
    await index.commit([...indexWrites.newObject(id, RECORD, IDS.slice(0, parts))]);
    expect(index.object(id)).toEqual(RECORD);
    expect([...index.objects()]).toEqual([{ id, record: RECORD }]);
    expect(namesOf(index.partsOf(id))).toEqual(namesOf(IDS.slice(0, parts)));
    expect(IDS.filter((block) => index.hasPart(id, block))).toEqual(IDS.slice(0, parts));
    expect(index.hasPart(IDS[1]!, IDS[1]!)).toBe(false);
    expect(countOf(state, "part")).toBe(rows);
    await index.commit([
      indexWrites.noObject(id),
      ...IDS.slice(0, parts).map((each) => indexWrites.part(id, each, false)),
    ]);
    expect([...index.partsOf(id)]).toEqual([]);
  });

  test("of an older host is read, added to and forgotten from, and its scrub finds nothing wrong", async () => {
    const older = await openTestVault();
    const kept = await putBytes(older.vault, seededBytes(1, 300_000), { name: "kept" });
    const gone = await putBytes(older.vault, seededBytes(2, 40_000), { name: "gone" });
    await older.vault[Symbol.asyncDispose]();
    await makeOldIndex(older.index);
    expect(countOf(older.index, "part")).toBe(countOf(older.index, "content"));
    const { vault, index } = await openTestVault({ index: older.index, stores: older.stores, seed: "newer" });
    const before = countOf(index, "segment");
    expect(await vault.forget(gone.id)).toBe(true);
    expect(countOf(index, "segment")).toBe(before - 1);
    const again = await putBytes(vault, seededBytes(1, 300_000), { name: "another name" });
    await vault.forget(kept.id);
    expect(await vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
    expect(Buffer.compare(await readBytes(vault, again.id), seededBytes(1, 300_000))).toBe(0);
    await vault.forget(again.id);
    for (const table of ["block", "segment", "object", "part", "content"]) expect(countOf(index, table)).toBe(0);
  });
});
