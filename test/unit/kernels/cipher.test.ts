import { createCipheriv, createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import type { Cipher } from "../../../host/kernels/cipher.ts";
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
  readonly sealed: string;
  /** False where opening must fail. */
  readonly holds?: boolean;
}

function readCases(name: string): readonly Vector[] {
  const text = readFileSync(new URL(`../../vectors/${name}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly cases: readonly Vector[] }).cases;
}

const cases = readCases("chacha20poly1305.json");

const module = await openKernelModule();
const { chacha20poly1305, xchacha20poly1305 } = createSealing(module);
const UNTOUCHED = module.bytes.slice();
const KEY = seededBytes(51, 32);
const NONCE = seededBytes(52, 12);
const DATA = seededBytes(53, 400_000);
const AD = seededBytes(54, 100);
const CIPHERS = [chacha20poly1305, xchacha20poly1305] as const;

function nonceOf(cipher: Cipher): Uint8Array<ArrayBuffer> {
  return seededBytes(60, cipher.nonceSize);
}

function referenceOf(cipher: Cipher): Cipher {
  return cipher.nonceSize === 12 ? referenceKernels.chacha20poly1305 : referenceKernels.xchacha20poly1305;
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof TwinError) return error.code;
    throw error;
  }
  return undefined;
}

/** Whether the module's memory is as before its first call, but for what the window holds. */
function isWiped(): boolean {
  const [start, end] = [module.window, module.window + module.windowSize];
  return (
    same(module.bytes.subarray(0, start), UNTOUCHED.subarray(0, start)) &&
    same(module.bytes.subarray(end), UNTOUCHED.subarray(end))
  );
}

/** What OpenSSL seals. */
function sealByNode(plaintext: Uint8Array, additionalData: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", KEY, NONCE, { authTagLength: 16 });
  cipher.setAAD(additionalData, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

describe("the vectors of RFC 8439", () => {
  it.each(cases.map((vector) => [vector.name, vector] as const))("hold: %s", (_, vector) => {
    const [key, nonce, ad, sealed] = [vector.key, vector.nonce, vector.additionalData, vector.sealed].map((hex) =>
      Uint8Array.fromHex(hex),
    );
    expect(hexEncode(chacha20poly1305.seal(key!, nonce!, utf8Encode(vector.plaintext), ad))).toBe(vector.sealed);
    expect(chacha20poly1305.open(key!, nonce!, sealed!, ad)).toEqual(utf8Encode(vector.plaintext));
  });
});

describe("the vectors of BoringSSL and OpenSSL", () => {
  const vectors = readCases("chacha20poly1305-libraries.json");

  it.each(vectors.map((vector) => [vector.name, vector] as const))("hold: %s", (_, vector) => {
    const [key, nonce, ad, plaintext, sealed] = [
      vector.key,
      vector.nonce,
      vector.additionalData,
      vector.plaintext,
      vector.sealed,
    ].map((hex) => Uint8Array.fromHex(hex));
    if (vector.holds !== false) {
      expect(hexEncode(chacha20poly1305.seal(key!, nonce!, plaintext!, ad))).toBe(vector.sealed);
      expect(hexEncode(chacha20poly1305.open(key!, nonce!, sealed!, ad))).toBe(vector.plaintext);
    } else {
      expect(codeOf(() => chacha20poly1305.open(key!, nonce!, sealed!, ad))).toBe("TWIN_SEAL_BROKEN");
    }
  });

  it("are all there", () => {
    expect(vectors.filter(({ holds }) => holds === false)).toHaveLength(1);
    expect(vectors).toHaveLength(71);
  });
});

describe("ChaCha20-Poly1305", () => {
  it("equals OpenSSL for every size up to 4,096 and a bit, with any additional data", () => {
    const out = new Uint8Array(5_000);
    for (let size = 0; size <= 4_200; size++) {
      const plaintext = DATA.subarray(size, 2 * size);
      const additionalData = AD.subarray(0, size % 101);
      const room = out.subarray(size % 3, (size % 3) + size + 16);
      const terms = { key: KEY, nonce: NONCE, additionalData };
      chacha20poly1305.sealInto(terms, plaintext, room);
      if (!same(room, sealByNode(plaintext, additionalData))) expect.fail(`sealing ${size} bytes differs`);
      chacha20poly1305.openInto(terms, room, room.subarray(0, size));
      if (!same(room.subarray(0, size), plaintext)) expect.fail(`opening ${size} bytes differs`);
    }
  });

  it.each([8_192, 16_384, 65_536, 131_072, 262_144].flatMap((size) => [size - 1, size, size + 1, size + 700]))(
    "equals OpenSSL for %i bytes, in an unaligned view",
    (size) => {
      const plaintext = DATA.subarray(5, 5 + size);
      const sealed = chacha20poly1305.seal(KEY, NONCE, plaintext, AD);
      expect(same(sealed, sealByNode(plaintext, AD))).toBe(true);
      const decipher = createDecipheriv("chacha20-poly1305", KEY, NONCE, { authTagLength: 16 });
      decipher.setAAD(AD, { plaintextLength: size }).setAuthTag(sealed.subarray(size));
      expect(same(Buffer.concat([decipher.update(sealed.subarray(0, size)), decipher.final()]), plaintext)).toBe(true);
    },
  );
});

describe.each(CIPHERS.map((cipher) => [cipher.nonceSize, cipher] as const))("with nonces of %i bytes", (_, cipher) => {
  const nonce = nonceOf(cipher);
  const terms = { key: KEY, nonce, additionalData: AD };

  it.each([0, 1, 63, 64, 65, 300, 448, 449, 960, 961, 1_024, 5_000, 131_072, 300_000])(
    "all doors agree on %i bytes",
    (size) => {
      const plaintext = DATA.subarray(7, 7 + size);
      const sealed = referenceOf(cipher).seal(KEY, nonce, plaintext, AD);
      const [ciphertext, tag] = [sealed.subarray(0, size), sealed.subarray(size)];
      expect(same(cipher.seal(KEY, nonce, plaintext, AD), sealed)).toBe(true);

      const inPlace = new Uint8Array(size + 16);
      inPlace.set(plaintext);
      cipher.sealInto(terms, inPlace.subarray(0, size), inPlace);
      expect(same(inPlace, sealed)).toBe(true);
      cipher.openInto(terms, inPlace, inPlace.subarray(0, size));
      expect(same(inPlace.subarray(0, size), plaintext)).toBe(true);

      const apart = { ciphertext: new Uint8Array(size), tag: new Uint8Array(16) };
      cipher.sealDetached(terms, plaintext, apart);
      expect(same(apart.ciphertext, ciphertext) && same(apart.tag, tag)).toBe(true);
      const opened = new Uint8Array(size);
      cipher.openDetached(terms, apart, opened);
      expect(same(opened, plaintext)).toBe(true);
      expect(isWiped()).toBe(true);
    },
  );

  it("releases nothing of what does not hold", () => {
    for (const size of [0, 1, 40, 64, 65, 448, 449, 1_000, 150_000]) {
      const sealed = cipher.seal(KEY, nonce, DATA.subarray(0, size), AD);
      sealed[sealed.length - 1]! ^= 1;
      const out = new Uint8Array(size);
      expect(codeOf(() => cipher.openInto(terms, sealed, out))).toBe("TWIN_SEAL_BROKEN");
      expect(out.every((byte) => byte === 0)).toBe(true);
      const apart = { ciphertext: sealed.subarray(0, size), tag: sealed.subarray(size) };
      expect(codeOf(() => cipher.openDetached(terms, apart, out))).toBe("TWIN_SEAL_BROKEN");
      expect(out.every((byte) => byte === 0)).toBe(true);
    }
    const short = { ciphertext: new Uint8Array(4), tag: new Uint8Array(15) };
    expect(codeOf(() => cipher.openDetached(terms, short, new Uint8Array(4)))).toBe("TWIN_SEAL_BROKEN");
    expect(codeOf(() => cipher.openInto(terms, new Uint8Array(15), new Uint8Array(0)))).toBe("TWIN_SEAL_BROKEN");
  });

  it("refuses room of the wrong size, keys and nonces", () => {
    const out = (size: number): { ciphertext: Uint8Array; tag: Uint8Array } => ({
      ciphertext: new Uint8Array(size),
      tag: new Uint8Array(16),
    });
    expect(() => cipher.sealInto(terms, DATA, new Uint8Array(DATA.length))).toThrow(RangeError);
    expect(() => cipher.openInto(terms, DATA, new Uint8Array(DATA.length))).toThrow(RangeError);
    expect(() => cipher.sealDetached(terms, DATA, out(5))).toThrow(RangeError);
    expect(() => cipher.sealDetached(terms, AD, { ...out(100), tag: new Uint8Array(12) })).toThrow(RangeError);
    expect(() => cipher.openDetached(terms, out(5), new Uint8Array(6))).toThrow(RangeError);
    expect(() => cipher.seal(KEY, new Uint8Array(cipher.nonceSize + 1), DATA)).toThrow(RangeError);
    expect(() => cipher.seal(KEY.subarray(1), nonce, DATA)).toThrow(RangeError);
    expect(isWiped()).toBe(true);
  });

  it("seals a batch as it seals each message", () => {
    const sizes = fc.array(fc.oneof(fc.nat(80), fc.nat(1_500), fc.constant(64), fc.nat(65_536)), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, (list) => {
        const batch = batchOf(list, cipher);
        const plain = batch.slots.slice();
        const reference = { ...batch, slots: batch.slots.slice() };
        cipher.sealBatch(KEY, batch);
        referenceOf(cipher).sealBatch(KEY, reference);
        expect(same(batch.slots, reference.slots)).toBe(true);
        cipher.openBatch(KEY, batch);
        let start = 0;
        for (const size of list) {
          expect(same(batch.slots.subarray(start, start + size), plain.subarray(start, start + size))).toBe(true);
          start += size + 16;
        }
        expect(isWiped()).toBe(true);
      }),
      { numRuns: 25, seed: 1, endOnFailure: true },
    );
  });

  it("seals and opens every size up to 460 in a batch, whichever sizes stand beside it", () => {
    const list = Array.from({ length: 461 }, (_, size) => size);
    // Once in order, where lanes fill with equal shares, and once in leaps.
    for (const sizes of [list, list.map((size) => (size * 197) % 461)]) {
      const batch = batchOf(sizes, cipher);
      const plain = batch.slots.slice();
      const reference = { ...batch, slots: batch.slots.slice() };
      cipher.sealBatch(KEY, batch);
      referenceOf(cipher).sealBatch(KEY, reference);
      expect(same(batch.slots, reference.slots)).toBe(true);
      cipher.openBatch(KEY, batch);
      let start = 0;
      for (const size of sizes) {
        if (!same(batch.slots.subarray(start, start + size), plain.subarray(start, start + size))) {
          expect.fail(`a message of ${size} bytes opens as something else`);
        }
        start += size + 16;
      }
    }
    expect(isWiped()).toBe(true);
  });

  it("opens what holds of a batch, zeroes the rest, and says which", () => {
    const batch = batchOf(
      Array.from({ length: 3_000 }, () => 20),
      cipher,
    );
    const plain = batch.slots.slice();
    cipher.sealBatch(KEY, batch);
    for (const index of [2_500, 2_999]) batch.slots[index * 36]! ^= 1;
    expect(() => cipher.openBatch(KEY, batch)).toThrow(
      expect.objectContaining({ code: "TWIN_SEAL_BROKEN", details: { brokenCount: 2, firstBroken: 2_500 } }),
    );
    const textOf = (bytes: Uint8Array, index: number): Uint8Array => bytes.subarray(index * 36, index * 36 + 20);
    expect(textOf(batch.slots, 2_499)).toEqual(textOf(plain, 2_499));
    expect(textOf(batch.slots, 2_500)).toEqual(new Uint8Array(20));
    expect(textOf(batch.slots, 2_999)).toEqual(new Uint8Array(20));
    expect(Buffer.from(module.bytes.buffer, module.window, module.windowSize).includes(textOf(plain, 5))).toBe(false);
  });

  it("refuses batches whose parts do not fit one another", () => {
    const batch = batchOf([10, 20], cipher);
    expect(() => cipher.sealBatch(KEY, { ...batch, nonces: batch.nonces.subarray(1) })).toThrow(RangeError);
    expect(() => cipher.sealBatch(KEY, { ...batch, slots: batch.slots.subarray(1) })).toThrow(RangeError);
    expect(() => cipher.openBatch(KEY, { ...batch, sizes: Uint32Array.of(10, 20, 0) })).toThrow(RangeError);
    expect(() => cipher.sealBatch(KEY, batchOf([65_537], cipher))).toThrow(RangeError);
    expect(() => cipher.sealBatch(KEY.subarray(1), batch)).toThrow(RangeError);
  });

  it("seals and opens in a lease what other doors seal, and leaves nothing behind", () => {
    {
      using lease = cipher.lease();
      lease.key.set(KEY);
      for (const [size, additionalSize] of [
        [0, 0],
        [64, 0],
        [65_536, 100],
        [1_000, 4_096],
      ] as const) {
        const additionalData = DATA.subarray(0, additionalSize);
        const sealed = referenceOf(cipher).seal(KEY, nonce, DATA.subarray(9, 9 + size), additionalData);
        lease.nonce.set(nonce);
        lease.additionalData.set(additionalData);
        lease.text.set(DATA.subarray(9, 9 + size));
        // Other calls use the window, not the lease.
        cipher.seal(seededBytes(1, 32), nonce, DATA);
        lease.seal(size, additionalSize);
        expect(same(lease.text.subarray(0, size + 16), sealed)).toBe(true);
        expect(lease.open(size, additionalSize)).toBe(true);
        expect(same(lease.text.subarray(0, size), DATA.subarray(9, 9 + size))).toBe(true);
        lease.seal(size, additionalSize);
        lease.text[size + 3]! ^= 1;
        expect(lease.open(size, additionalSize)).toBe(false);
        expect(lease.text.subarray(0, size).every((byte) => byte === 0)).toBe(true);
      }
    }
    expect(isWiped()).toBe(true);
  });

  it("leases its place once, and not beyond its end", () => {
    const lease = cipher.lease();
    expect(() => chacha20poly1305.lease()).toThrow(TypeError);
    for (const [size, additionalSize] of [
      [65_537, 0],
      [-1, 0],
      [1.5, 0],
      [0, 4_097],
      [0, -1],
    ] as const) {
      expect(() => lease.seal(size, additionalSize)).toThrow(RangeError);
      expect(() => lease.open(size, additionalSize)).toThrow(RangeError);
    }
    lease[Symbol.dispose]();
    const next = cipher.lease();
    lease[Symbol.dispose]();
    expect(() => lease.seal(1)).toThrow(TypeError);
    expect(() => cipher.lease()).toThrow(TypeError);
    next[Symbol.dispose]();
  });
});

/** Texts of these sizes in slots, with a nonce for each. */
function batchOf(list: readonly number[], { nonceSize }: Cipher) {
  const slots = seededBytes(
    70,
    list.reduce((sum, size) => sum + size + 16, 0),
  );
  return { nonces: seededBytes(71, list.length * nonceSize), sizes: Uint32Array.from(list), slots };
}
