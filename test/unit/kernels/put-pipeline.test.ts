import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { PutChunk, PutPipeline } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const { chunkSizeBytesMin: MIN, chunkSizeBytesMax: MAX } = LIMITS.vault;
const kernels = await openKernels();
const ID_KEY = seededBytes(101, 32);
const TERMS = { key: seededBytes(102, 32), nonce: seededBytes(103, 24) };
const DATA = seededBytes(104, 7_000_000);

/** All chunks of `data`, which is given in pieces of these sizes over and over. */
function chunksOf<Kept>(
  pipeline: PutPipeline,
  data: Uint8Array,
  { pieceSizes, keep }: { pieceSizes: readonly number[]; keep: (chunk: PutChunk) => Kept },
): Kept[] {
  const kept: Kept[] = [];
  let at = 0;
  for (let turn = 0; at < data.length; turn++) {
    const end = Math.min(data.length, at + pieceSizes[turn % pieceSizes.length]!);
    while (at < end) {
      at += pipeline.write(data.subarray(at, end));
      for (let chunk = pipeline.next(); chunk !== undefined; chunk = pipeline.next()) kept.push(keep(chunk));
    }
  }
  const last = pipeline.next(true);
  return last === undefined ? kept : [...kept, keep(last)];
}

function sealWhole(chunk: PutChunk): string {
  const sealed = new Uint8Array(chunk.sizeBytes + 16);
  chunk.sealInto(TERMS, 0, sealed);
  return `${hexEncode(chunk.id)} ${hexEncode(referenceKernels.hash(sealed))}`;
}

/** The same by single steps of the reference. */
function sealByReference(data: Uint8Array): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < data.length;) {
    const size = referenceKernels.chunkBoundary(data.subarray(at, at + MAX));
    const plain = data.subarray(at, at + size);
    const sealed = referenceKernels.seal(TERMS.key, TERMS.nonce, plain);
    chunks.push(`${hexEncode(referenceKernels.keyedHash(ID_KEY, plain))} ${hexEncode(referenceKernels.hash(sealed))}`);
    at += size;
  }
  return chunks;
}

describe("the pipeline", () => {
  it("cuts, names and seals as the single steps do, in pieces of any size", () => {
    const expected = sealByReference(DATA);
    const pipeline = kernels.createPutPipeline(ID_KEY);
    for (const pieceSizes of [[DATA.length], [65_536], [1, 100_000, 65_535, 3]]) {
      expect(chunksOf(pipeline, DATA, { pieceSizes, keep: sealWhole })).toEqual(expected);
    }
  });

  it("cuts at the same places for any pieces", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    const sizeOf = (chunk: PutChunk): number => chunk.sizeBytes;
    const expected = chunksOf(pipeline, DATA, { pieceSizes: [DATA.length], keep: sizeOf });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 9 }), (sizes) => {
        const pieceSizes = [...sizes, 300_000];
        expect(chunksOf(pipeline, DATA, { pieceSizes, keep: sizeOf })).toEqual(expected);
      }),
      { numRuns: 12, seed: 1, endOnFailure: true },
    );
  });

  it("cuts data without any boundary at the maximum", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    const zeros = new Uint8Array(MAX + 1_000);
    const sizes = chunksOf(pipeline, zeros, { pieceSizes: [zeros.length], keep: ({ sizeBytes }) => sizeBytes });
    expect(sizes).toEqual([MAX, 1_000]);
  });

  it("gives no chunk of an empty stream, and none before its end is known", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    expect(pipeline.next(true)).toBeUndefined();
    expect(pipeline.write(DATA.subarray(0, MIN))).toBe(MIN);
    expect(pipeline.next()).toBeUndefined();
    expect(pipeline.next(true)?.sizeBytes).toBe(MIN);
    expect(pipeline.next(true)).toBeUndefined();
  });
});

describe("a chunk", () => {
  it("is sealed range by range, with additional data", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    pipeline.write(DATA.subarray(0, 100_000));
    const chunk = pipeline.next(true)!;
    const additionalData = seededBytes(5, 9);
    for (const [start, end] of [
      [0, 65_536],
      [65_536, 65_536],
      [70_000, 100_000],
    ] as const) {
      const out = new Uint8Array(end - start + 16);
      chunk.sealInto({ ...TERMS, additionalData }, start, out);
      const expected = referenceKernels.seal(TERMS.key, TERMS.nonce, DATA.subarray(start, end), additionalData);
      expect(Buffer.compare(out, expected)).toBe(0);
    }
  });

  it("is not sealed twice, nor beyond its end, nor when it is gone", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    pipeline.write(DATA.subarray(0, 1_000));
    const chunk = pipeline.next(true)!;
    const seal = (start: number, size: number): void => chunk.sealInto(TERMS, start, new Uint8Array(size + 16));
    seal(100, 200);
    for (const [start, size] of [
      [299, 10],
      [0, 10],
      [990, 11],
      [300.5, 1],
      [400, -1],
    ] as const) {
      expect(() => seal(start, size)).toThrow(RangeError);
    }
    pipeline.write(DATA.subarray(0, 10));
    expect(() => seal(300, 10)).toThrow(TypeError);
  });

  it("leaves with the pipeline when that is disposed", () => {
    const pipeline = kernels.createPutPipeline(ID_KEY);
    pipeline.write(DATA.subarray(0, 1_000));
    const chunk = pipeline.next(true)!;
    pipeline[Symbol.dispose]();
    expect(() => chunk.sealInto(TERMS, 0, new Uint8Array(20))).toThrow(TypeError);
    expect(() => pipeline.write(DATA)).toThrow(TypeError);
  });
});

it("refuses a key of another size", () => {
  expect(() => kernels.createPutPipeline(ID_KEY.subarray(1))).toThrow(RangeError);
});
