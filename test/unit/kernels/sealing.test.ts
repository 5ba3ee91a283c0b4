import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, hexEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { openKernelModule } from "../../../host/kernels/open-kernel-module.ts";
import { createSealing } from "../../../host/kernels/sealing.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

interface Vector {
  readonly name: string;
  readonly key: string;
  readonly nonce: string;
  readonly additionalData: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../vectors/xchacha20poly1305.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Vector[] };

const module = await openKernelModule();
const { seal, open } = createSealing(module);
const UNTOUCHED = module.bytes.slice();
const KEY = seededBytes(11, 32);
const NONCE = seededBytes(12, 24);
const DATA = seededBytes(13, 300_000);
const AD = seededBytes(14, 40);

/** The error that `open` throws; fails when it throws none. */
function refusal(attempt: () => unknown): TwinError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof TwinError) return error;
    throw error;
  }
  throw new Error("It was opened.");
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
}

function bytesOf(size: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: size, maxLength: size });
}

/** Whether the module's memory is as before its first call, but for what the window holds. */
function isWiped(): boolean {
  const [start, end] = [module.window, module.window + module.windowSize];
  const same = (from: number, to?: number): boolean =>
    Buffer.compare(module.bytes.subarray(from, to), UNTOUCHED.subarray(from, to)) === 0;
  return same(0, start) && same(end);
}

function windowHas(secret: Uint8Array): boolean {
  return Buffer.from(module.bytes.buffer, module.window, module.windowSize).includes(secret);
}

describe("known vectors", () => {
  it.each(cases.map((vector) => [vector.name, vector] as const))("hold: %s", (_, vector) => {
    const [key, nonce, ad] = [vector.key, vector.nonce, vector.additionalData].map((hex) => Uint8Array.fromHex(hex));
    const sealed = seal(key!, nonce!, Uint8Array.fromHex(vector.plaintext), ad);
    expect(hexEncode(sealed)).toBe(vector.ciphertext + vector.tag);
    expect(hexEncode(open(key!, nonce!, sealed, ad))).toBe(vector.plaintext);
  });
});

describe("sealing", () => {
  it("equals the reference for every size up to a batch and a bit", () => {
    for (let size = 0; size <= 1_100; size++) {
      const plaintext = DATA.subarray(size, 2 * size);
      const ad = AD.subarray(0, size % 41);
      const sealed = seal(KEY, NONCE, plaintext, ad);
      expect(hexEncode(sealed)).toBe(hexEncode(referenceKernels.seal(KEY, NONCE, plaintext, ad)));
      expect(hexEncode(open(KEY, NONCE, sealed, ad))).toBe(hexEncode(plaintext));
    }
  });

  it.each([2_048, 3_072, 16_384, 65_536, 131_072, 262_144].flatMap((size) => [size - 1, size, size + 1, size + 300]))(
    "equals the reference for %i bytes, in an unaligned view",
    (size) => {
      const plaintext = DATA.subarray(5, 5 + size);
      const sealed = seal(KEY, NONCE, plaintext);
      expect(Buffer.compare(sealed, referenceKernels.seal(KEY, NONCE, plaintext))).toBe(0);
      const shifted = concatBytes(new Uint8Array(3), sealed).subarray(3);
      expect(Buffer.compare(open(KEY, NONCE, shifted), plaintext)).toBe(0);
    },
  );

  it("takes 8 MiB, and additional data longer than the window", () => {
    const plaintext = seededBytes(15, 8 * 1024 * 1024);
    const ad = seededBytes(16, 1_100_000);
    const sealed = seal(KEY, NONCE, plaintext, ad);
    expect(Buffer.compare(sealed, referenceKernels.seal(KEY, NONCE, plaintext, ad))).toBe(0);
    expect(Buffer.compare(open(KEY, NONCE, sealed, ad), plaintext)).toBe(0);
  });

  it("opens what it sealed, and what the reference sealed, for any input", () => {
    const anything = fc.uint8Array({ maxLength: 3_000, size: "max" });
    fc.assert(
      fc.property(bytesOf(32), bytesOf(24), anything, anything, (key, nonce, plaintext, ad) => {
        const sealed = seal(key, nonce, plaintext, ad);
        expect(Buffer.compare(sealed, referenceKernels.seal(key, nonce, plaintext, ad))).toBe(0);
        expect(Buffer.compare(open(key, nonce, sealed, ad), plaintext)).toBe(0);
      }),
      { numRuns: 60, seed: 1, endOnFailure: true },
    );
  });

  it("carries right in Poly1305 where all limbs are full", () => {
    // Ciphertext of ones: the sums of the accumulator are as large as they get.
    for (const size of [16, 64, 1_024, 4_096]) {
      const stream = seal(KEY, NONCE, new Uint8Array(size)).subarray(0, size);
      const plaintext = stream.map((byte) => byte ^ 0xff);
      const ad = new Uint8Array(33).fill(0xff);
      expect(hexEncode(seal(KEY, NONCE, plaintext, ad))).toBe(
        hexEncode(referenceKernels.seal(KEY, NONCE, plaintext, ad)),
      );
    }
  });
});

describe("opening refuses", () => {
  const plaintext = DATA.subarray(0, 37);
  const sealed = seal(KEY, NONCE, plaintext, AD);

  it("a flip of any bit of text or tag", () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      expect(refusal(() => open(KEY, NONCE, flipped(sealed, bit), AD)).code).toBe("TWIN_SEAL_BROKEN");
    }
  });

  it("a flip of any bit of key, nonce or additional data", () => {
    for (let bit = 0; bit < 256; bit++) {
      expect(refusal(() => open(flipped(KEY, bit), NONCE, sealed, AD)).code).toBe("TWIN_SEAL_BROKEN");
      expect(refusal(() => open(KEY, NONCE, sealed, flipped(AD, bit))).code).toBe("TWIN_SEAL_BROKEN");
    }
    for (let bit = 0; bit < 192; bit++) {
      expect(refusal(() => open(KEY, flipped(NONCE, bit), sealed, AD)).code).toBe("TWIN_SEAL_BROKEN");
    }
  });

  it("what is cut short at any place, or longer", () => {
    for (let size = 0; size < sealed.length; size++) {
      expect(refusal(() => open(KEY, NONCE, sealed.subarray(0, size), AD)).code).toBe("TWIN_SEAL_BROKEN");
    }
    expect(refusal(() => open(KEY, NONCE, concatBytes(sealed, new Uint8Array(1)), AD)).code).toBe("TWIN_SEAL_BROKEN");
  });

  it("additional data that is missing, added, padded or moved into the text", () => {
    const without = seal(KEY, NONCE, plaintext);
    expect(refusal(() => open(KEY, NONCE, sealed)).code).toBe("TWIN_SEAL_BROKEN");
    expect(refusal(() => open(KEY, NONCE, without, AD)).code).toBe("TWIN_SEAL_BROKEN");
    expect(refusal(() => open(KEY, NONCE, sealed, concatBytes(AD, new Uint8Array(8)))).code).toBe("TWIN_SEAL_BROKEN");
    const moved = concatBytes(sealed.subarray(0, 16), sealed);
    expect(refusal(() => open(KEY, NONCE, moved, AD.subarray(16))).code).toBe("TWIN_SEAL_BROKEN");
  });

  it("one flipped bit far inside a long message", () => {
    const long = seal(KEY, NONCE, DATA);
    for (const bit of [0, 8 * 131_072, 8 * 200_000 + 3, 8 * DATA.length - 1, 8 * long.length - 1]) {
      expect(refusal(() => open(KEY, NONCE, flipped(long, bit))).code).toBe("TWIN_SEAL_BROKEN");
    }
  });

  it("without a word about key or text in the error", () => {
    const error = refusal(() => open(KEY, NONCE, flipped(sealed, 0), AD));
    expect(error.details).toEqual({});
    expect(error.message).not.toContain(hexEncode(KEY));
  });
});

describe("secrets", () => {
  it.each([0, 40, 64, 300, 1_000, 5_000, 200_000])("leave the module's memory, with %i bytes of text", (size) => {
    const plaintext = DATA.subarray(0, size);
    const sealed = seal(KEY, NONCE, plaintext, AD);
    expect(isWiped()).toBe(true);
    expect(size > 0 && windowHas(plaintext.subarray(-16))).toBe(false);
    open(KEY, NONCE, sealed, AD);
    expect(isWiped()).toBe(true);
    expect(size > 0 && windowHas(plaintext.subarray(-16))).toBe(false);
  });

  it.each([20, 64, 300, 2_000, 200_000])("leave it when opening fails too, with %i bytes of text", (size) => {
    const plaintext = DATA.subarray(0, size);
    const sealed = seal(KEY, NONCE, plaintext);
    refusal(() => open(KEY, NONCE, flipped(sealed, 8 * sealed.length - 1)));
    expect(isWiped()).toBe(true);
    expect(windowHas(plaintext.subarray(0, 16))).toBe(false);
    expect(windowHas(plaintext.subarray(-16))).toBe(false);
  });
});

it("refuses keys and nonces of the wrong size, and leaves nothing of them behind", () => {
  expect(() => seal(KEY.subarray(1), NONCE, DATA)).toThrow(RangeError);
  expect(() => seal(KEY, NONCE.subarray(12), DATA)).toThrow(RangeError);
  expect(() => open(concatBytes(KEY, KEY), NONCE, DATA)).toThrow(RangeError);
  expect(() => open(KEY, new Uint8Array(25), DATA)).toThrow(RangeError);
  expect(isWiped()).toBe(true);
});
