// Manifests of every size: what is built is what is walked, and what is not ours is refused.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import {
  decodeManifest,
  encodeManifest,
  idAt,
  type ManifestEntry,
  type ManifestNode,
} from "../../../host/vault/manifest.ts";
import { createManifestBuilder, walkManifest } from "../../../host/vault/manifest-tree.ts";

const COUNT = LIMITS.vault.manifestEntryCount;

/** An entry that is told from others. */
function entry(number: number, sizeBytes: number): ManifestEntry {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  return { id, sizeBytes };
}

/** A tree of `count` entries of `sizeBytes` each, its blocks by a made-up id. */
async function build(count: number, sizeBytes: number) {
  const blocks = new Map<string, Uint8Array>();
  const builder = createManifestBuilder(async (_kind, block) => {
    const id = new Uint8Array(32).fill(0xff);
    new DataView(id.buffer).setUint32(0, blocks.size);
    blocks.set(hexEncode(id), block);
    return id;
  });
  for (let at = 0; at < count; at++) await builder.add(entry(at, sizeBytes));
  const root = await builder.finish({ type: "t", name: "n" });
  const load = async (id: Uint8Array): Promise<ManifestNode> => decodeManifest(blocks.get(hexEncode(id))!);
  return { root, node: await load(root.id), blocks, load };
}

describe("a manifest tree", () => {
  test.each([
    [0, 0, 1],
    [1, 0, 1],
    [COUNT, 0, 1],
    [COUNT + 1, 1, 3],
    [2 * COUNT + 5, 1, 4],
  ])("of %i entries has level %i and %i blocks, and walks to all of them", async (count, level, blockCount) => {
    const { root, node, blocks, load } = await build(count, 10);
    expect(root.sizeBytes).toBe(count * 10);
    expect(node).toMatchObject({ level, type: "t", name: "n" });
    expect(blocks.size).toBe(blockCount);
    const parts = await Array.fromAsync(walkManifest(node, { offset: 0, end: count * 10 }, load));
    expect(parts.map(({ id }) => new DataView(id.buffer).getUint32(0))).toEqual([...Array(count).keys()]);
  });

  test("walks only to what a range touches", async () => {
    const { node, load } = await build(COUNT + 100, 10);
    let loads = 0;
    const counting = (id: Uint8Array): Promise<ManifestNode> => {
      loads++;
      return load(id);
    };
    await fc.assert(
      fc.asyncProperty(fc.nat((COUNT + 100) * 10), fc.nat(300), async (offset, most) => {
        const end = Math.min(offset + most, (COUNT + 100) * 10);
        const parts = await Array.fromAsync(walkManifest(node, { offset, end }, counting));
        expect(parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(end - offset);
        for (const part of parts) expect(part.offset + part.sizeBytes).toBeLessThanOrEqual(10);
      }),
      { numRuns: 30 },
    );
    loads = 0;
    await Array.fromAsync(walkManifest(node, { offset: 5, end: 6 }, counting));
    expect(loads).toBe(1);
  });

  test("finds the parts of a range among entries of any sizes, also of none", async () => {
    const sizes = fc.array(fc.nat(3), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(120), fc.nat(120), async (entries, from, most) => {
        const block = encodeManifest({
          level: 0,
          entries: entries.map((size, at) => entry(at, size)),
          type: "",
          name: "",
        });
        const bytes = entries.flatMap((size, at) => Array.from({ length: size }, (_, offset) => [at, offset]));
        const offset = Math.min(from, bytes.length);
        const end = Math.min(offset + most, bytes.length);
        const walk = walkManifest(decodeManifest(block), { offset, end }, () => Promise.reject(new Error("a leaf")));
        const found: number[][] = [];
        for await (const part of walk) {
          const at = new DataView(part.id.buffer).getUint32(0);
          for (let byte = 0; byte < part.sizeBytes; byte++) found.push([at, part.offset + byte]);
        }
        expect(found).toEqual(bytes.slice(offset, end));
      }),
    );
  });

  test("refuses a child that is not what its parent says", async () => {
    const child = encodeManifest({ level: 0, entries: [entry(1, 5)], type: "", name: "" });
    const parent = decodeManifest(encodeManifest({ level: 2, entries: [entry(0, 5)], type: "", name: "" }));
    const walk = Array.fromAsync(walkManifest(parent, { offset: 0, end: 5 }, async () => decodeManifest(child)));
    await expect(walk).rejects.toMatchObject({ code: "TWIN_SEAL_BROKEN" });
  });

  test("refuses blocks that are no manifest", () => {
    const good = encodeManifest({ level: 0, entries: [entry(1, 5)], type: "type", name: "name" });
    const node = decodeManifest(good);
    expect([...node.ends]).toEqual([5]);
    expect(idAt(node, 0)).toEqual(entry(1, 5).id);
    const broken = [
      new Uint8Array(0),
      good.subarray(0, 13),
      good.subarray(0, -1),
      good.with(0, 2),
      good.with(1, 9),
      good.with(2, 6),
      good.with(11, 255),
      good.with(13, 1),
    ];
    for (const block of broken) expect(() => decodeManifest(block)).toThrow(/manifest/i);
  });
});
