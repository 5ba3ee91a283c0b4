import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

interface Vector {
  readonly name: string;
  readonly seed: number;
  readonly size: number;
  readonly chunkSizes: readonly number[];
}

const { streams } = JSON.parse(readFileSync(new URL("../../vectors/chunking.json", import.meta.url), "utf8")) as {
  readonly streams: readonly Vector[];
};

const kernels = await openKernels();
const chunkBoundary = (data: Uint8Array): number => kernels.chunkBoundary(data);
const { chunkSizeBytesMin: MIN, chunkSizeBytesTarget: TARGET, chunkSizeBytesMax: MAX } = LIMITS.vault;

function chunkSizes(data: Uint8Array, boundary: (data: Uint8Array) => number): number[] {
  const sizes: number[] = [];
  for (let offset = 0; offset < data.length;) {
    const size = boundary(data.subarray(offset));
    sizes.push(size);
    offset += size;
  }
  return sizes;
}

/** Where the chunks of `data` end, counted from its byte `origin`. */
function chunkEnds(data: Uint8Array, origin: number): number[] {
  let end = -origin;
  return chunkSizes(data, chunkBoundary).map((size) => (end += size));
}

describe("boundaries", () => {
  it.each(streams.map((stream) => [stream.name, stream] as const))("stay where they were recorded: %s", (_, stream) => {
    expect(chunkSizes(seededBytes(stream.seed, stream.size), chunkBoundary)).toEqual(stream.chunkSizes);
  });

  it("equal the reference", () => {
    const data = seededBytes(99, 9_000_000);
    expect(chunkSizes(data, chunkBoundary)).toEqual(chunkSizes(data, (rest) => referenceKernels.chunkBoundary(rest)));
  });

  it("lie between minimum and maximum, on average near the target", () => {
    const sizes = chunkSizes(seededBytes(7, 48 * 1024 * 1024), chunkBoundary).slice(0, -1);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(MIN);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX);
    const average = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(average).toBeGreaterThan(0.8 * TARGET);
    expect(average).toBeLessThan(1.4 * TARGET);
  });

  it("come back to the same places after an insertion", () => {
    const data = seededBytes(5, 12 * 1024 * 1024);
    const inserted = new Uint8Array(data.length + 1);
    inserted.set(data, 1);
    const before = new Set(chunkEnds(data, 0));
    const shared = chunkEnds(inserted, 1).filter((end) => before.has(end));
    expect(shared.length).toBeGreaterThanOrEqual(before.size - 2);
  });
});

describe("short and dull data", () => {
  it.each([0, 1, MIN - 1, MIN])("of %i bytes is one chunk", (size) => {
    expect(chunkBoundary(seededBytes(3, size))).toBe(size);
  });

  it("without any boundary is cut at the maximum", () => {
    const zeros = new Uint8Array(MAX + 1_000);
    expect(chunkBoundary(zeros)).toBe(referenceKernels.chunkBoundary(zeros));
    expect(chunkBoundary(zeros)).toBe(MAX);
    expect(chunkBoundary(zeros.subarray(0, MAX))).toBe(MAX);
    expect(chunkBoundary(zeros.subarray(0, MAX - 1))).toBe(MAX - 1);
  });

  it("gives the same answer with more data behind, once the answer is less than all of it", () => {
    const data = seededBytes(21, MAX);
    const final = chunkBoundary(data);
    expect(final).toBeLessThan(MAX);
    expect(chunkBoundary(data.subarray(0, final + 1))).toBe(final);
    expect(chunkBoundary(data.subarray(0, final))).toBe(final);
    expect(chunkBoundary(data.subarray(0, final - 1))).toBe(final - 1);
    expect(chunkBoundary(data.subarray(0, final + 100_000))).toBe(final);
  });
});
