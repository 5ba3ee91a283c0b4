import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import type { ErasureCode } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const kernels = await openKernels();

/** A stripe in which plane `shard` is all ones, for each of `shards`. */
function planeStripe(...shards: number[]): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, index) => (shards.includes(index >> 4) ? 0xff : 0));
}

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

describe("the code", () => {
  it("gives the parity that stands in docs/formats/erasure-code.md", () => {
    const bytes = kernels
      .createErasureCode(3, 2)
      .encode([
        Uint8Array.of(0x01, 0x00, 0x00, 0xff),
        Uint8Array.of(0x00, 0x01, 0x00, 0x80),
        Uint8Array.of(0x00, 0x00, 0x01, 0x2a),
      ]);
    expect(hexOf(bytes)).toEqual(["01010155", "010c0f83"]);
    const stripe = kernels.createErasureCode(3, 2).encode([0, 1, 2].map((shard) => planeStripe(shard)));
    expect(hexOf(stripe)).toEqual([hexEncode(planeStripe(0, 1, 2)), hexEncode(planeStripe(0, 1))]);
  });

  it("with one parity shard is the plain exclusive or", () => {
    const data = dataShards(9, 1_000);
    const sum = data.reduce((left, right) => left.map((byte, index) => byte ^ right[index]!));
    expect(hexOf(kernels.createErasureCode(9, 1).encode(data))).toEqual([hexEncode(sum)]);
  });

  it("with at most 16 shards codes the two halves of each stripe alike and apart", () => {
    const code = kernels.createErasureCode(12, 4);
    const data = dataShards(12, 128);
    const swapped = data.map((shard) => Uint8Array.of(...shard.subarray(64), ...shard.subarray(0, 64)));
    const back = code.encode(swapped).map((shard) => Uint8Array.of(...shard.subarray(64), ...shard.subarray(0, 64)));
    expect(hexOf(back)).toEqual(hexOf(code.encode(data)));
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
      dataCount + parityCount > 100
        ? [1, 33, 4_100]
        : [1, 15, 16, 17, 64, 127, 128, 129, 255, 256, 1_000, 16_385, 40_000];
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

describe("a product that is used much", () => {
  it.each([
    [10, 4, 300_000, [0, 3, 9, 12]],
    [16, 4, 200_000, [1, 2, 18, 19]],
    [20, 9, 150_001, [0, 5, 6, 20, 22, 28]],
    [1, 3, 2_500_000, [0]],
  ])("becomes code of its own for %i + %i and keeps its bytes", (dataCount, parityCount, size, lost) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const shards = encoded(code, size);
    const known = shards.map((shard) => shard.slice(0, 900));
    const reference = referenceKernels.createErasureCode(dataCount, parityCount);
    // A shard's stripes do not depend on what follows them.
    const whole = known.map((shard) => shard.slice(0, 896));
    expect(hexOf(whole.slice(dataCount))).toEqual(hexOf(reference.encode(whole.slice(0, dataCount))));
    for (let round = 0; round < 3; round++) {
      expect(code.verify(shards)).toBe(true);
      const back = code.reconstruct(without(shards, lost));
      expect(shards.every((shard, index) => Buffer.from(shard).equals(back[index]!))).toBe(true);
    }
  });

  it("is the same for another code of the same shape, and not for another loss", () => {
    const [left, right] = [kernels.createErasureCode(6, 3), kernels.createErasureCode(6, 3)];
    const shards = encoded(left, 1_200_000);
    for (const lost of [[0], [1], [0, 1], [0, 1, 2], [6], [0, 7, 8]]) {
      for (const code of [left, right, left]) {
        const back = code.reconstruct(without(shards, lost));
        expect(lost.every((index) => Buffer.from(shards[index]!).equals(back[index]!))).toBe(true);
      }
    }
  });
});

describe("verification", () => {
  it.each([
    [4, 2, 1_000],
    [16, 4, 70_001],
  ])("of %i + %i holds for whole shards and for no others", (dataCount, parityCount, size) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const shards = encoded(code, size);
    expect(code.verify(shards)).toBe(true);
    for (const index of shards.keys()) {
      for (const at of [0, Math.floor(size / 2), size - 1]) {
        shards[index]![at]! ^= 0x10;
        expect(code.verify(shards)).toBe(false);
        shards[index]![at]! ^= 0x10;
      }
    }
    expect(code.verify(shards)).toBe(true);
  });
});

describe("given buffers", () => {
  it("take the parity, and nothing around them changes", () => {
    const code = kernels.createErasureCode(5, 3);
    const data = dataShards(5, 1_001);
    const room = new Uint8Array(3 * 1_003).fill(0xee);
    const parity = [0, 1, 2].map((index) => room.subarray(index * 1_003 + 1, index * 1_003 + 1_002));
    code.encodeInto(data, parity);
    expect(hexOf(parity)).toEqual(hexOf(code.encode(data)));
    for (const index of [0, 1, 2]) {
      expect([room[index * 1_003], room[index * 1_003 + 1_002]]).toEqual([0xee, 0xee]);
    }
  });

  it("take lost shards back, in whatever order they are named", () => {
    const code = kernels.createErasureCode(5, 3);
    const shards = encoded(code, 1_001);
    const damaged = shards.map((shard) => shard.slice());
    for (const index of [1, 6]) damaged[index]!.fill(0xee);
    code.reconstructInto(damaged, [6, 1, 6]);
    expect(hexOf(damaged)).toEqual(hexOf(shards));
    code.reconstructInto(damaged, []);
    expect(hexOf(damaged)).toEqual(hexOf(shards));
    expect(() => code.reconstructInto(damaged, [0, 1, 2, 3])).toThrow(
      expect.objectContaining({ code: "TWIN_CODE_LOST" }),
    );
    expect(() => code.reconstructInto(damaged.slice(1), [0])).toThrow(RangeError);
  });

  it("are refused when they are not as many or as large as they must be", () => {
    const code = kernels.createErasureCode(2, 2);
    const data = dataShards(2, 8);
    expect(() => code.encodeInto(data, [new Uint8Array(8)])).toThrow(RangeError);
    expect(() => code.encodeInto(data, [new Uint8Array(8), new Uint8Array(9)])).toThrow(RangeError);
    expect(() => code.verify([...data, new Uint8Array(8)])).toThrow(RangeError);
  });
});

describe("a shard set", () => {
  it.each([
    [10, 4, 65_536, [0, 3, 9, 12]],
    [16, 4, 4_096, [1, 2, 18, 19]],
    [200, 55, 128, [0, 100, 254]],
  ])("of %i + %i is coded where it lies, in step with a code that copies", (dataCount, parityCount, size, lost) => {
    const code = kernels.createErasureCode(dataCount, parityCount);
    const set = code.createShardSet(size);
    const data = dataShards(dataCount, size);
    const expected = hexOf(code.encode(data));
    for (const [index, shard] of data.entries()) set.shards[index]!.set(shard);
    for (let round = 0; round < 8; round++) {
      set.encode();
      expect(hexOf(set.shards.slice(dataCount))).toEqual(expected);
      expect(set.verify()).toBe(true);
      for (const index of lost) set.shards[index]!.fill(0x5a);
      expect(set.verify()).toBe(false);
      set.reconstruct(lost);
      expect(hexOf(set.shards)).toEqual([...hexOf(data), ...expected]);
    }
    set.reconstruct([]);
    expect(set.verify()).toBe(true);
  });

  it("refuses sizes that fill no stripes, and more losses than it can bear", () => {
    const code = kernels.createErasureCode(2, 1);
    for (const size of [0, 1, 127, 129, -128, 1.5, Number.NaN])
      expect(() => code.createShardSet(size)).toThrow(RangeError);
    const set = code.createShardSet(128);
    expect(() => set.reconstruct([0, 2])).toThrow(expect.objectContaining({ code: "TWIN_CODE_LOST" }));
  });
});

describe("reconstruction", () => {
  it.each([
    [4, 2],
    [2, 1],
    [1, 1],
    [3, 4],
    [10, 4],
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
