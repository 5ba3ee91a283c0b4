import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import type { ErasureCode } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const kernels = await openKernels();

function dataShards(count: number, size: number): Uint8Array[] {
  const bytes = seededBytes(size + count, count * size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

function without(shards: readonly Uint8Array[], lost: readonly number[]): (Uint8Array | undefined)[] {
  return shards.map((shard, index) => (lost.includes(index) ? undefined : shard));
}

function hexOf(shards: readonly Uint8Array[]): string[] {
  return shards.map((shard) => hexEncode(shard));
}

/** Every set of at most `max` of the numbers below `count`. */
function losses(count: number, max: number): number[][] {
  let sets: number[][] = [[]];
  for (let index = 0; index < count; index++) {
    sets = [...sets, ...sets.filter((set) => set.length < max).map((set) => [...set, index])];
  }
  return sets;
}

function encoded(code: ErasureCode, size: number): Uint8Array[] {
  const data = dataShards(code.dataCount, size);
  return [...data, ...code.encode(data)];
}

describe("the matrix", () => {
  it("is ISA-L's Cauchy matrix: its known rows for 4 + 2", () => {
    const code = kernels.createErasureCode(4, 2);
    const columns = [0, 1, 2, 3].map((one) =>
      code
        .encode([0, 1, 2, 3].map((index) => Uint8Array.of(index === one ? 1 : 0)))
        .map(([coefficient]) => coefficient),
    );
    expect(columns.map(([first]) => first)).toEqual([71, 167, 122, 186]);
    expect(columns.map(([, second]) => second)).toEqual([167, 71, 186, 122]);
  });

  it("gives the parity that stands in docs/formats/erasure-code.md", () => {
    const parity = kernels
      .createErasureCode(3, 2)
      .encode([
        Uint8Array.of(0x01, 0x00, 0x00, 0xff),
        Uint8Array.of(0x00, 0x01, 0x00, 0x80),
        Uint8Array.of(0x00, 0x00, 0x01, 0x2a),
      ]);
    expect(hexOf(parity)).toEqual(["f48e013f", "47a77a77"]);
  });
});

describe("parity", () => {
  it.each([
    [1, 1],
    [1, 254],
    [2, 1],
    [4, 2],
    [5, 3],
    [10, 4],
    [16, 4],
    [17, 7],
    [200, 55],
    [254, 1],
  ])("of %i + %i equals the reference for sizes around the vectors and stripes", (dataCount, parityCount) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const reference = referenceKernels.createErasureCode(dataCount, parityCount);
    const sizes =
      dataCount + parityCount > 100 ? [1, 33, 4_100] : [1, 15, 16, 17, 31, 32, 33, 64, 1_000, 16_385, 40_000];
    for (const size of sizes) {
      const data = dataShards(dataCount, size);
      expect(hexOf(code.encode(data))).toEqual(hexOf(reference.encode(data)));
    }
  });

  it("does not depend on where in memory a shard lies, nor change it", () => {
    const code = kernels.createErasureCode(4, 2);
    const data = dataShards(4, 777);
    const shifted = data.map((shard, index) => {
      const room = new Uint8Array(shard.length + index + 1);
      room.set(shard, index + 1);
      return room.subarray(index + 1);
    });
    expect(hexOf(code.encode(shifted))).toEqual(hexOf(code.encode(data)));
    expect(hexOf(shifted)).toEqual(hexOf(data));
  });
});

describe("reconstruction", () => {
  it.each([
    [4, 2],
    [2, 1],
    [1, 1],
    [3, 4],
  ])("of %i + %i brings back every set of shards that may be lost", (dataCount, parityCount) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const shards = encoded(code, 45);
    for (const lost of losses(dataCount + parityCount, parityCount)) {
      expect(hexOf(code.reconstruct(without(shards, lost)))).toEqual(hexOf(shards));
    }
  });

  it.each([
    [16, 4, 2_000],
    [10, 4, 2_000],
    [20, 9, 300],
  ])("of %i + %i brings back any loss", (dataCount, parityCount, size) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const shards = encoded(code, size);
    const indices = fc.uniqueArray(fc.nat(dataCount + parityCount - 1), { maxLength: parityCount });
    fc.assert(
      fc.property(indices, (lost) => {
        expect(hexOf(code.reconstruct(without(shards, lost)))).toEqual(hexOf(shards));
      }),
      { numRuns: 40, seed: 1, endOnFailure: true },
    );
  });

  it("of 200 + 55 brings back the first 55, the last 55 and a mix", () => {
    const code = kernels.createErasureCode(200, 55);
    const shards = encoded(code, 100);
    const all = shards.map((_, index) => index);
    for (const lost of [all.slice(0, 55), all.slice(200), all.filter((index) => index % 5 === 0).slice(0, 55)]) {
      expect(hexOf(code.reconstruct(without(shards, lost)))).toEqual(hexOf(shards));
    }
  });

  it("passes given shards through and makes lost ones fresh", () => {
    const code = kernels.createErasureCode(4, 2);
    const shards = encoded(code, 100);
    const whole = code.reconstruct(without(shards, [1, 4]));
    for (const index of [0, 2, 3, 5]) expect(whole[index]).toBe(shards[index]);
    expect(code.reconstruct(shards)).toEqual(shards);
    whole[1]!.fill(0);
    expect(code.reconstruct(without(shards, [1]))[1]).toEqual(shards[1]);
  });

  it("refuses by name, and never guesses, beyond what the code can bear", () => {
    const code = kernels.createErasureCode(4, 2);
    const shards = encoded(code, 10);
    for (const lost of losses(6, 6).filter((set) => set.length > 2)) {
      let thrown: unknown;
      try {
        code.reconstruct(without(shards, lost));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(TwinError);
      expect(thrown).toMatchObject({ code: "TWIN_CODE_LOST", details: { givenCount: 6 - lost.length } });
    }
  });
});

describe("arguments", () => {
  it.each([
    [0, 1],
    [1, 0],
    [-1, 2],
    [1.5, 2],
    [Number.NaN, 1],
    [200, 56],
    [255, 1],
  ])("refuse a code of %d + %d", (dataCount, parityCount) => {
    expect(() => kernels.createErasureCode(dataCount, parityCount)).toThrow(RangeError);
  });

  it("refuse shards that are unequal, empty, or not as many as the code has", () => {
    const code = kernels.createErasureCode(2, 2);
    const [one, two] = [new Uint8Array(4), new Uint8Array(5)];
    expect(() => code.encode([one, two])).toThrow(RangeError);
    expect(() => code.encode([one])).toThrow(RangeError);
    expect(() => code.encode([one, one, one])).toThrow(RangeError);
    expect(() => code.encode([new Uint8Array(0), new Uint8Array(0)])).toThrow(RangeError);
    expect(() => code.reconstruct([one, two, undefined, undefined])).toThrow(RangeError);
    expect(() => code.reconstruct([one, one, one])).toThrow(RangeError);
  });
});
