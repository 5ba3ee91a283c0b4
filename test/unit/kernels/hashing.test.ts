import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { createHashing } from "../../../host/kernels/hashing.ts";
import type { Hasher } from "../../../host/kernels/kernels.ts";
import { openKernelModule } from "../../../host/kernels/open-kernel-module.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
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
const hashing = createHashing(module);
const UNTOUCHED = module.bytes.slice();
const KEY = seededBytes(1, 32);
const DATA = seededBytes(2, 400_000);

/** Sizes at which something changes: block, chunk, 8 chunks, subtree of 64, piece of the window. */
const EDGES = [64, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536, 73_728, 131_072, 262_144].flatMap((size) => [
  size - 1,
  size,
  size + 1,
]);

/** Whether the module's memory is as before its first call. */
function isWiped(): boolean {
  return Buffer.compare(module.bytes, UNTOUCHED) === 0;
}

describe("the official vectors", () => {
  const key = utf8Encode(official.key);

  it.each(official.cases.map((vector) => [vector.input_len, vector] as const))("hold for %i bytes", (size, vector) => {
    const input = Uint8Array.from({ length: size }, (_, index) => index % 251);
    expect(hexEncode(hashing.hash(input))).toBe(vector.hash.slice(0, 64));
    expect(hexEncode(hashing.keyedHash(key, input))).toBe(vector.keyed_hash.slice(0, 64));
    expect(hexEncode(hashing.deriveKey(official.context_string, input))).toBe(vector.derive_key.slice(0, 64));
    expect(hexEncode(hashing.deriveKey(official.context_string, input, 131))).toBe(vector.derive_key);
  });

  it("start with the hash of nothing that everyone knows", () => {
    expect(hexEncode(hashing.hash(new Uint8Array(0)))).toBe(
      "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    );
  });
});

describe("hashes", () => {
  it("equal the reference for every size up to a chunk and a bit", () => {
    for (let size = 0; size <= 1_100; size++) {
      const data = DATA.subarray(size, 2 * size);
      expect(hexEncode(hashing.hash(data))).toBe(hexEncode(referenceKernels.hash(data)));
    }
  });

  it.each(EDGES)("equal the reference around the edge at %i bytes, in all modes", (size) => {
    const data = DATA.subarray(3, 3 + size);
    expect(hexEncode(hashing.hash(data))).toBe(hexEncode(referenceKernels.hash(data)));
    expect(hexEncode(hashing.keyedHash(KEY, data))).toBe(hexEncode(referenceKernels.keyedHash(KEY, data)));
    expect(hexEncode(hashing.deriveKey("an edge", data, 100))).toBe(
      hexEncode(referenceKernels.deriveKey("an edge", data, 100)),
    );
  });

  it("leave the input as it was and give fresh bytes", () => {
    const data = DATA.slice(0, 5_000);
    const first = hashing.hash(data);
    const kept = first.slice();
    hashing.hash(DATA);
    expect(first).toEqual(kept);
    expect(data).toEqual(DATA.subarray(0, 5_000));
  });
});

describe("derived keys", () => {
  it("are a prefix of longer ones, up to the size of the window", () => {
    const long = hashing.deriveKey("prefix", KEY, module.windowSize);
    expect(long.length).toBe(module.windowSize);
    for (const size of [1, 31, 32, 33, 63, 64, 65, 1_000]) {
      expect(hashing.deriveKey("prefix", KEY, size)).toEqual(long.slice(0, size));
    }
  });

  it("take a context longer than a chunk, and of any alphabet", () => {
    const context = "Ωμέγα ".repeat(500);
    expect(hashing.deriveKey(context, KEY)).toEqual(referenceKernels.deriveKey(context, KEY));
  });

  it.each([0, -1, 1.5, Number.NaN, 1_048_577])("refuse a size of %d", (size) => {
    expect(() => hashing.deriveKey("size", KEY, size)).toThrow(RangeError);
  });
});

describe("a hasher", () => {
  it("gives the hash of all parts together, however they are split", () => {
    const splits = fc.array(fc.oneof(fc.nat(200), fc.nat(9_000), fc.nat(140_000)), { maxLength: 12 });
    fc.assert(
      fc.property(splits, fc.boolean(), (sizes, keyed) => {
        const hasher = hashing.createHasher(keyed ? KEY : undefined);
        let end = 0;
        for (const size of sizes) {
          hasher.update(DATA.subarray(end, end + size));
          end = Math.min(end + size, DATA.length);
        }
        const whole = DATA.subarray(0, end);
        expect(hasher.digest()).toEqual(keyed ? hashing.keyedHash(KEY, whole) : hashing.hash(whole));
      }),
      { numRuns: 60, seed: 1, endOnFailure: true },
    );
  });

  it("is not disturbed by other hashers and hashes in between", () => {
    const hashers = [undefined, KEY, seededBytes(3, 32)].map((key) => hashing.createHasher(key));
    const references = [undefined, KEY, seededBytes(3, 32)].map((key) => referenceKernels.createHasher(key));
    for (let step = 0; step < 60; step++) {
      const part = DATA.subarray(step * 100, step * 100 + (step % 7) * 2_500);
      hashers[step % 3]!.update(part);
      references[step % 3]!.update(part);
      if (step % 5 === 0) hashing.hash(part);
    }
    expect(hashers.map((hasher) => hexEncode(hasher.digest()))).toEqual(
      references.map((hasher) => hexEncode(hasher.digest())),
    );
  });

  it("refuses to go on after its digest, and harms no other then", () => {
    const finished = hashing.createHasher();
    finished.digest();
    const other: Hasher = hashing.createHasher().update(DATA);
    expect(() => finished.update(DATA)).toThrow(TypeError);
    expect(() => finished.digest()).toThrow(TypeError);
    expect(other.digest()).toEqual(hashing.hash(DATA));
  });
});

describe("secrets", () => {
  it.each([0, 16, 1_000, 9_000, 100_000, 200_000])("leave the module's memory, with %i bytes of data", (size) => {
    const data = DATA.subarray(0, size);
    hashing.keyedHash(KEY, data);
    expect(isWiped()).toBe(true);
    hashing.deriveKey("wipe", data, 70);
    expect(isWiped()).toBe(true);
    hashing.createHasher(KEY).update(data).digest();
    expect(isWiped()).toBe(true);
  });

  it("leave it when the last of several hashers is done", () => {
    const [long, short] = [hashing.createHasher(KEY), hashing.createHasher(KEY)];
    long.update(DATA);
    short.update(KEY);
    short.digest();
    long.digest();
    expect(isWiped()).toBe(true);
  });
});

it("refuses keys of the wrong size", () => {
  for (const size of [0, 31, 33, 64]) {
    const key = new Uint8Array(size);
    expect(() => hashing.keyedHash(key, DATA)).toThrow(RangeError);
    expect(() => hashing.createHasher(key)).toThrow(RangeError);
  }
});
