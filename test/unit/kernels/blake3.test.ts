import { readFileSync } from "node:fs";
import { blake3 as noble } from "@noble/hashes/blake3.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, hexEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { createHashing } from "../../../host/kernels/hashing.ts";
import { openKernelModule } from "../../../host/kernels/open-kernel-module.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

interface OfficialVectors {
  readonly key: string;
  readonly context_string: string;
  readonly cases: readonly {
    readonly input_len: number;
    readonly hash: string;
    readonly keyed_hash: string;
    readonly derive_key: string;
  }[];
}

const official = JSON.parse(
  readFileSync(new URL("../../vectors/blake3.json", import.meta.url), "utf8"),
) as OfficialVectors;

const module = await openKernelModule();
const { blake3 } = createHashing(module);
const UNTOUCHED = module.bytes.slice();
const KEY = seededBytes(81, 32);
const DATA = seededBytes(82, 1_200_000);
const LEAF = 65_536;

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** Whether the module's memory is as before its first call. */
function isWiped(): boolean {
  return same(module.bytes, UNTOUCHED);
}

function referenceOf(data: Uint8Array, key?: Uint8Array): Uint8Array {
  return noble(data, key === undefined ? {} : { key });
}

describe("the official vectors", () => {
  const key = utf8Encode(official.key);

  it.each(official.cases.map((vector) => [vector.input_len, vector] as const))(
    "hold for the extended output of all modes, for %i bytes",
    (size, vector) => {
      const input = Uint8Array.from({ length: size }, (_, index) => index % 251);
      const hashers = {
        hash: blake3.createHasher(),
        keyed_hash: blake3.createHasher(key),
        derive_key: blake3.createDeriver(official.context_string),
      };
      for (const [mode, hasher] of Object.entries(hashers)) {
        const expected = vector[mode as keyof typeof hashers];
        using output = hasher.update(input).output();
        expect(hexEncode(output.read(131, 0))).toBe(expected);
        expect(hexEncode(output.read(60, 67))).toBe(expected.slice(134, 254));
      }
    },
  );
});

describe("hashes into given buffers", () => {
  it("equal the reference for every size up to 4,096 and a bit, plain and keyed", () => {
    const out = new Uint8Array(40);
    for (let size = 0; size <= 4_200; size++) {
      const data = DATA.subarray(size, 2 * size);
      const key = size % 2 === 0 ? undefined : KEY;
      blake3.hashInto(data, out.subarray(3, 35), key);
      if (!same(out.subarray(3, 35), referenceOf(data, key))) expect.fail(`the hash of ${size} bytes differs`);
    }
    expect(isWiped()).toBe(true);
  });

  it.each([5, 7, 8, 9, 15, 17, 63, 64, 65, 127, 129, 191].flatMap((chunks) => [chunks * 1_024, chunks * 1_024 + 1]))(
    "equal the reference for %i bytes",
    (size) => {
      const data = DATA.subarray(3, 3 + size);
      expect(same(blake3.hash(data), referenceOf(data))).toBe(true);
    },
  );

  it("equal the reference in random splits, whatever rows of chunks they make", () => {
    const parts = fc.array(
      fc.oneof(
        fc.nat(3_000),
        fc.integer({ min: 1, max: 9 }).map((chunks) => chunks * 1_024),
      ),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(parts, (sizes) => {
        const hasher = blake3.createHasher(KEY);
        let end = 0;
        for (const size of sizes) hasher.update(DATA.subarray(end, (end += size)));
        expect(same(hasher.digest(), referenceOf(DATA.subarray(0, end), KEY))).toBe(true);
        expect(isWiped()).toBe(true);
      }),
      { numRuns: 60, seed: 2, endOnFailure: true },
    );
  });

  it("do not disturb a hash in progress", () => {
    const hasher = blake3.createHasher(KEY).update(DATA.subarray(0, 5_000));
    blake3.hash(DATA.subarray(0, 700), seededBytes(3, 32));
    blake3.leafValue(DATA.subarray(0, LEAF), 1);
    blake3.hashBatch({ sizes: Uint32Array.of(9, 9, 9), inputs: DATA.subarray(0, 27), hashes: new Uint8Array(96) });
    expect(same(hasher.update(DATA.subarray(5_000, 9_000)).digest(), referenceOf(DATA.subarray(0, 9_000), KEY))).toBe(
      true,
    );
  });
});

describe("output", () => {
  it("is the reference's, wherever it is read", () => {
    const long = noble(DATA.subarray(0, 3_000), { key: KEY, dkLen: 200_000 });
    using output = blake3.createHasher(KEY).update(DATA.subarray(0, 3_000)).output();
    for (const [size, position] of [
      [0, 0],
      [1, 199_999],
      [64, 64],
      [100, 63],
      [65_536, 1],
      [131_000, 60_001],
    ] as const) {
      expect(same(output.read(size, position), long.subarray(position, position + size))).toBe(true);
    }
    expect(isWiped()).toBe(true);
  });

  it("goes on to positions that do not fit 32 bits of blocks", () => {
    using output = blake3.createHasher().update(DATA.subarray(0, 10)).output();
    const position = 2 ** 40 + 5;
    expect(same(output.read(100, position), output.read(200, position - 50).subarray(50, 150))).toBe(true);
    expect(same(output.read(100, position), output.read(100, position - 2 ** 38))).toBe(false);
  });

  it("is refused beyond 2^53, after disposal, and of a hasher that is done", () => {
    const hasher = blake3.createHasher();
    const output = hasher.output();
    expect(() => hasher.output()).toThrow(TypeError);
    expect(() => hasher.digest()).toThrow(TypeError);
    for (const [size, position] of [
      [-1, 0],
      [0.5, 0],
      [1, -1],
      [1, 2 ** 53],
    ] as const) {
      expect(() => output.read(size, position)).toThrow(RangeError);
    }
    output[Symbol.dispose]();
    expect(() => output.read(1, 0)).toThrow(TypeError);
  });
});

describe("the tree", () => {
  it.each([LEAF + 1, 2 * LEAF, 3 * LEAF - 5, 5 * LEAF + 1_024, 8 * LEAF, 11 * LEAF + 1, 16 * LEAF, 18 * LEAF])(
    "of %i bytes has the hash as the root of its leaves",
    (size) => {
      const data = DATA.subarray(0, size);
      for (const key of [undefined, KEY]) {
        const values = Array.from({ length: Math.ceil(size / LEAF) }, (_, index) =>
          blake3.leafValue(data.subarray(index * LEAF, (index + 1) * LEAF), index, key),
        );
        expect(same(blake3.rootOfLeaves(concatBytes(...values), key), referenceOf(data, key))).toBe(true);
        expect(isWiped()).toBe(true);
      }
    },
  );

  it("tells a leaf of its place, its mode and its bytes", () => {
    const leaf = DATA.subarray(0, LEAF);
    const values = [
      blake3.leafValue(leaf, 0),
      blake3.leafValue(leaf, 1),
      blake3.leafValue(leaf, 2 ** 36),
      blake3.leafValue(leaf, 0, KEY),
      blake3.leafValue(DATA.subarray(1, LEAF + 1), 0),
      blake3.leafValue(leaf.subarray(1), 0),
      blake3.hash(leaf),
    ];
    expect(new Set(values.map(hexEncode)).size).toBe(values.length);
  });

  it("joins two nodes below the root otherwise than at the root", () => {
    const values = [0, 1, 2, 3].map((index) =>
      blake3.leafValue(DATA.subarray(index * LEAF, (index + 1) * LEAF), index),
    );
    const [left, right] = [blake3.parentValue(values[0]!, values[1]!), blake3.parentValue(values[2]!, values[3]!)];
    const root = blake3.rootOfLeaves(concatBytes(left, right));
    expect(same(root, referenceOf(DATA.subarray(0, 4 * LEAF)))).toBe(true);
    expect(same(root, blake3.parentValue(left, right))).toBe(false);
  });

  it("refuses leaves and values that can be none", () => {
    expect(() => blake3.leafValue(new Uint8Array(0), 0)).toThrow(RangeError);
    expect(() => blake3.leafValue(new Uint8Array(LEAF + 1), 0)).toThrow(RangeError);
    for (const index of [-1, 0.5, 2 ** 37]) expect(() => blake3.leafValue(KEY, index)).toThrow(RangeError);
    expect(() => blake3.leafValue(KEY, 0, KEY.subarray(1))).toThrow(RangeError);
    for (const size of [0, 32, 65]) expect(() => blake3.rootOfLeaves(new Uint8Array(size))).toThrow(RangeError);
    expect(() => blake3.parentValue(KEY, KEY.subarray(1))).toThrow(RangeError);
  });
});

describe("a batch", () => {
  it("gives the hash of each input", () => {
    const size = fc.oneof(fc.nat(200), fc.constantFrom(0, 64, 63, 65, 1_024, 1_025), fc.nat(9_000));
    const runs = fc.array(fc.tuple(size, fc.integer({ min: 1, max: 20 })), { maxLength: 8 });
    fc.assert(
      fc.property(runs, fc.boolean(), (list, keyed) => {
        const sizes = Uint32Array.from(list.flatMap(([each, count]) => Array.from({ length: count }, () => each)));
        const total = sizes.reduce((sum, each) => sum + each, 0);
        const inputs = Buffer.alloc(total, DATA);
        const hashes = new Uint8Array(32 * sizes.length);
        const key = keyed ? KEY : undefined;
        blake3.hashBatch({ sizes, inputs, hashes }, key);
        let start = 0;
        for (const [index, each] of sizes.entries()) {
          const expected = referenceOf(inputs.subarray(start, start + each), key);
          if (!same(hashes.subarray(32 * index, 32 * index + 32), expected)) expect.fail(`input ${index} differs`);
          start += each;
        }
        expect(isWiped()).toBe(true);
      }),
      { numRuns: 25, seed: 3, endOnFailure: true },
    );
  });

  it("of equal inputs of every size up to a chunk gives their hashes", () => {
    for (let size = 0; size <= 1_024; size += size < 140 ? 1 : 61) {
      const sizes = new Uint32Array(5).fill(size);
      const hashes = new Uint8Array(160);
      blake3.hashBatch({ sizes, inputs: DATA.subarray(0, 5 * size), hashes });
      for (let index = 0; index < 5; index++) {
        const expected = referenceOf(DATA.subarray(index * size, (index + 1) * size));
        if (!same(hashes.subarray(32 * index, 32 * index + 32), expected)) expect.fail(`${index} of ${size} bytes`);
      }
    }
  });

  it("is refused when its parts do not fit one another", () => {
    const sizes = Uint32Array.of(10, 20);
    const [inputs, hashes] = [new Uint8Array(30), new Uint8Array(64)];
    expect(() => blake3.hashBatch({ sizes, inputs: inputs.subarray(1), hashes })).toThrow(RangeError);
    expect(() => blake3.hashBatch({ sizes, inputs, hashes: hashes.subarray(1) })).toThrow(RangeError);
    expect(() => blake3.hashBatch({ sizes, inputs, hashes }, KEY.subarray(1))).toThrow(RangeError);
    const large = { sizes: Uint32Array.of(65_537), inputs: new Uint8Array(65_537), hashes: new Uint8Array(32) };
    expect(() => blake3.hashBatch(large)).toThrow(RangeError);
  });
});

describe("a lease", () => {
  it("hashes what lies in it, and leaves nothing behind", () => {
    {
      using lease = blake3.lease();
      lease.key.set(KEY);
      const hasher = blake3.createHasher().update(DATA.subarray(0, 2_000));
      for (const size of [0, 1, 64, 100, 1_024, 1_025, 9_000, LEAF]) {
        lease.input.set(DATA.subarray(0, size));
        lease.hash(size);
        expect(same(lease.digest, referenceOf(DATA.subarray(0, size)))).toBe(true);
        lease.keyedHash(size);
        expect(same(lease.digest, referenceOf(DATA.subarray(0, size), KEY))).toBe(true);
      }
      expect(same(hasher.digest(), referenceOf(DATA.subarray(0, 2_000)))).toBe(true);
    }
    expect(isWiped()).toBe(true);
  });

  it("is given once, and ends where it ends", () => {
    const lease = blake3.lease();
    expect(() => blake3.lease()).toThrow(TypeError);
    for (const size of [-1, 0.5, LEAF + 1]) expect(() => lease.hash(size)).toThrow(RangeError);
    lease[Symbol.dispose]();
    const next = blake3.lease();
    lease[Symbol.dispose]();
    expect(() => lease.keyedHash(1)).toThrow(TypeError);
    expect(() => blake3.lease()).toThrow(TypeError);
    next[Symbol.dispose]();
  });
});
