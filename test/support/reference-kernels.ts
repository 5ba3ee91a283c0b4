// The oracle for the kernels: the same door, built on the noble libraries and on plain code
// written straight from the formats. Slow and simple on purpose.

import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { TwinError } from "../../host/base/errors.ts";
import type { Cipher, MessageBatch } from "../../host/kernels/cipher.ts";
import type { ErasureCode, Hasher, Kernels } from "../../host/kernels/kernels.ts";

/** The reference implementation of {@link Kernels}. */
export const referenceKernels: Kernels = {
  hash: (data) => fresh(blake3(data)),
  keyedHash: (key, data) => fresh(blake3(data, { key })),
  deriveKey: (context, material, size = 32) =>
    fresh(blake3(material, { context: new TextEncoder().encode(context), dkLen: size })),
  createHasher: (key) => referenceKernels.blake3.createHasher(key),
  sha256: (data) => fresh(sha256(data)),
  blake3: {
    hash: (data, key) => fresh(blake3(data, key === undefined ? {} : { key })),
    hashInto: (data, out, key) => out.set(referenceKernels.blake3.hash(data, key)),
    createHasher: (key) => createReferenceHasher(key === undefined ? {} : { key }),
    createDeriver: (context) => createReferenceHasher({ context: new TextEncoder().encode(context) }),
    hashBatch: ({ sizes, inputs, hashes }, key) => {
      let start = 0;
      for (const [index, size] of sizes.entries()) {
        hashes.set(referenceKernels.blake3.hash(inputs.subarray(start, start + size), key), index * 32);
        start += size;
      }
    },
    leafValue: () => notOffered(),
    parentValue: () => notOffered(),
    rootOfLeaves: () => notOffered(),
    lease: () => notOffered(),
  },
  seal: (...message) => referenceKernels.xchacha20poly1305.seal(...message),
  open: (...message) => referenceKernels.xchacha20poly1305.open(...message),
  chacha20poly1305: createReferenceCipher(12),
  xchacha20poly1305: createReferenceCipher(24),
  createErasureCode: (dataCount, parityCount) => createReferenceCode(dataCount, parityCount),
  chunkBoundary: (data) => referenceChunkBoundary(data),
  createPutPipeline: () => notOffered(),
};

function createReferenceCipher(nonceSize: 12 | 24): Cipher {
  const algorithm = nonceSize === 24 ? xchacha20poly1305 : chacha20poly1305;
  const cipher: Cipher = {
    nonceSize,
    seal: (key, nonce, plaintext, additionalData) => fresh(algorithm(key, nonce, additionalData).encrypt(plaintext)),
    open: (key, nonce, sealed, additionalData) => {
      try {
        return fresh(algorithm(key, nonce, additionalData).decrypt(sealed));
      } catch (cause) {
        throw new TwinError("TWIN_SEAL_BROKEN", "The reference could not open this.", {}, cause);
      }
    },
    sealInto: ({ key, nonce, additionalData }, plaintext, out) => {
      out.set(cipher.seal(key, nonce, plaintext, additionalData));
    },
    openInto: ({ key, nonce, additionalData }, sealed, out) => {
      out.set(cipher.open(key, nonce, sealed, additionalData));
    },
    sealDetached: ({ key, nonce, additionalData }, plaintext, out) => {
      const sealed = cipher.seal(key, nonce, plaintext, additionalData);
      out.ciphertext.set(sealed.subarray(0, plaintext.length));
      out.tag.set(sealed.subarray(plaintext.length));
    },
    openDetached: ({ key, nonce, additionalData }, { ciphertext, tag }, out) => {
      out.set(cipher.open(key, nonce, Buffer.concat([ciphertext, tag]), additionalData));
    },
    sealBatch: (key, batch) => {
      for (const { nonce, slot } of slotsOf(batch, nonceSize)) slot.set(cipher.seal(key, nonce, slot.slice(0, -16)));
    },
    openBatch: (key, batch) => {
      for (const { nonce, slot } of slotsOf(batch, nonceSize)) slot.set(cipher.open(key, nonce, slot.slice()));
    },
    lease: () => notOffered(),
  };
  return cipher;
}

function* slotsOf(
  { nonces, sizes, slots }: MessageBatch,
  nonceSize: number,
): Generator<{ nonce: Uint8Array; slot: Uint8Array }> {
  let start = 0;
  for (const [index, size] of sizes.entries()) {
    const nonce = nonces.subarray(index * nonceSize, (index + 1) * nonceSize);
    yield { nonce, slot: slots.subarray(start, start + size + 16) };
    start += size + 16;
  }
}

function fresh(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

/** Stands for what the reference libraries do not have. */
function notOffered(): never {
  throw new TypeError("The reference does not offer this.");
}

function createReferenceHasher(options: { readonly key?: Uint8Array; readonly context?: Uint8Array }): Hasher {
  const state = blake3.create(options);
  const hasher: Hasher = {
    update: (data) => {
      state.update(data);
      return hasher;
    },
    digest: () => fresh(state.digest()),
    output: () => ({
      read: (size, position) => fresh(state.clone().xof(position + size)).slice(position),
      [Symbol.dispose]: () => state.destroy(),
    }),
  };
  return hasher;
}

// GF(2^8) by the schoolbook, straight from docs/formats/erasure-code.md.

/** The product of two elements of GF(2^4) with the polynomial x^4 + x + 1. */
function smallProduct(left: number, right: number): number {
  let sum = 0;
  for (let bit = 0; bit < 4; bit++) {
    if ((right & (1 << bit)) !== 0) sum ^= left << bit;
  }
  for (let bit = 6; bit >= 4; bit--) {
    if ((sum & (1 << bit)) !== 0) sum ^= 0b10011 << (bit - 4);
  }
  return sum;
}

/** The product of (a + bY) and (c + dY), where Y^2 = Y + x^3; a and c are the low halves. */
function product(left: number, right: number): number {
  const [a, b, c, d] = [left & 15, left >> 4, right & 15, right >> 4];
  const squared = smallProduct(b, d);
  const low = smallProduct(a, c) ^ smallProduct(squared, 0b1000);
  const high = smallProduct(a, d) ^ smallProduct(b, c) ^ squared;
  return low | (high << 4);
}

const PRODUCTS = Array.from({ length: 256 }, (_, left) =>
  Uint8Array.from({ length: 256 }, (_, right) => product(left, right)),
);

function inverse(element: number): number {
  return PRODUCTS[element]!.indexOf(1);
}

function createReferenceCode(dataCount: number, parityCount: number): ErasureCode {
  const entry = (row: number, column: number): number => inverse(row ^ (parityCount + column));
  const quotient = (left: number, right: number): number => PRODUCTS[left]![inverse(right)]!;
  const rows = Array.from({ length: dataCount + parityCount }, (_, shard) =>
    Array.from({ length: dataCount }, (_, column) => {
      if (shard < dataCount) return shard === column ? 1 : 0;
      const row = shard - dataCount;
      // Each column through its first entry, then each row through its own first.
      const scaled = quotient(entry(row, column), entry(0, column));
      return quotient(scaled, quotient(entry(row, 0), entry(0, 0)));
    }),
  );
  const code: ErasureCode = {
    dataCount,
    parityCount,
    encode: (data) => {
      const symbols = data.map(toSymbols);
      return rows.slice(dataCount).map((row) => fromSymbols(combine(row, symbols)));
    },
    encodeInto: (data, parity) => {
      for (const [index, shard] of code.encode(data).entries()) parity[index]!.set(shard);
    },
    verify: (shards) =>
      code
        .encode(shards.slice(0, dataCount))
        .every((shard, index) => Buffer.from(shard).equals(shards[dataCount + index]!)),
    reconstruct: (shards) => {
      const given = shards.flatMap((shard, index) => (shard === undefined ? [] : [{ shard, index }]));
      if (given.length < dataCount) throw new TwinError("TWIN_CODE_LOST", "Too few shards for the reference.");
      const chosen = given.slice(0, dataCount);
      const data = solve(
        chosen.map(({ index }) => [...rows[index]!]),
        chosen.map(({ shard }) => toSymbols(shard)),
      );
      return shards.map((shard, index) => shard ?? fromSymbols(combine(rows[index]!, data)));
    },
    reconstructInto: (shards, lost) => {
      const whole = code.reconstruct(shards.map((shard, index) => (lost.includes(index) ? undefined : shard)));
      for (const index of lost) shards[index]!.set(whole[index]!);
    },
    createShardSet: (sizeBytes) => {
      const shards = rows.map(() => new Uint8Array(sizeBytes));
      return {
        shards,
        encode: () => code.encodeInto(shards.slice(0, dataCount), shards.slice(dataCount)),
        verify: () => code.verify(shards),
        reconstruct: (lost) => code.reconstructInto(shards, lost),
      };
    },
  };
  return code;
}

/** Where bit `bit` of symbol `index` of a shard stands: its byte, and the bit of that byte. */
function placeOf(size: number, index: number, bit: number): [byte: number, bitOfByte: number] {
  const stripe = index - (index % 128);
  if (stripe + 128 > size) return [index, bit];
  const within = index % 128;
  return [stripe + bit * 16 + (within >> 3), within & 7];
}

function toSymbols(shard: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(shard, (_, index) => {
    let symbol = 0;
    for (let bit = 0; bit < 8; bit++) {
      const [byte, bitOfByte] = placeOf(shard.length, index, bit);
      symbol |= ((shard[byte]! >> bitOfByte) & 1) << bit;
    }
    return symbol;
  });
}

function fromSymbols(symbols: Uint8Array): Uint8Array<ArrayBuffer> {
  const shard = new Uint8Array(symbols.length);
  for (const [index, symbol] of symbols.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      const [byte, bitOfByte] = placeOf(symbols.length, index, bit);
      shard[byte]! |= ((symbol >> bit) & 1) << bitOfByte;
    }
  }
  return shard;
}

function combine(coefficients: readonly number[], shards: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sum = new Uint8Array(shards[0]!.length);
  for (const [index, shard] of shards.entries()) addScaled(sum, shard, coefficients[index]!);
  return sum;
}

function addScaled(target: Uint8Array | number[], source: Uint8Array | number[], factor: number): void {
  const products = PRODUCTS[factor]!;
  for (let index = 0; index < target.length; index++) target[index]! ^= products[source[index]!]!;
}

/** Solves `matrix` times x = `shards` for x, in place: a system of equations whose unknowns are whole shards. */
function solve(matrix: number[][], shards: Uint8Array[]): Uint8Array[] {
  for (let column = 0; column < matrix.length; column++) {
    const pivot = matrix.findIndex((row, index) => index >= column && row[column] !== 0);
    [matrix[pivot], matrix[column]] = [matrix[column]!, matrix[pivot]!];
    [shards[pivot], shards[column]] = [shards[column]!, shards[pivot]!];
    const factor = inverse(matrix[column]![column]!);
    matrix[column] = matrix[column]!.map((element) => PRODUCTS[factor]![element]!);
    shards[column] = shards[column]!.map((element) => PRODUCTS[factor]![element]!);
    for (let row = 0; row < matrix.length; row++) {
      const excess = matrix[row]![column]!;
      if (row === column || excess === 0) continue;
      addScaled(matrix[row]!, matrix[column]!, excess);
      addScaled(shards[row]!, shards[column]!, excess);
    }
  }
  return shards;
}

// Chunking, straight from docs/formats/chunking.md.

const GEAR_BYTES = blake3(new Uint8Array(0), {
  context: new TextEncoder().encode("digital-twin-host 2026-01-01 00:00:00 gear table v1"),
  dkLen: 2_048,
});
const GEAR_VIEW = new DataView(GEAR_BYTES.buffer, GEAR_BYTES.byteOffset, GEAR_BYTES.byteLength);
// The high half first: h is kept as two 32-bit halves, as 64-bit BigInt is too slow for megabytes.
const GEAR_HIGH = Uint32Array.from({ length: 256 }, (_, byte) => GEAR_VIEW.getUint32(byte * 8 + 4, true));
const GEAR_LOW = Uint32Array.from({ length: 256 }, (_, byte) => GEAR_VIEW.getUint32(byte * 8, true));

const MINIMUM = 262_144;
const TARGET = 1_048_576;
const MAXIMUM = 4_194_304;

function referenceChunkBoundary(data: Uint8Array): number {
  const end = Math.min(data.length, MAXIMUM);
  let high = 0;
  let low = 0;
  for (let index = MINIMUM; index < end; index++) {
    const byte = data[index]!;
    const sum = ((low << 1) >>> 0) + GEAR_LOW[byte]!;
    const carry = sum > 0xffff_ffff ? 1 : 0;
    high = (((high << 1) | (low >>> 31)) + GEAR_HIGH[byte]! + carry) >>> 0;
    low = sum >>> 0;
    if (high >>> (index < TARGET ? 10 : 14) === 0) return index;
  }
  return end;
}
