// The oracle for the kernels: the same door, built on the noble libraries and on plain code
// written straight from the formats. Slow and simple on purpose.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { TwinError } from "../../host/base/errors.ts";
import type { ErasureCode, Hasher, Kernels } from "../../host/kernels/kernels.ts";

/** The reference implementation of {@link Kernels}. */
export const referenceKernels: Kernels = {
  hash: (data) => fresh(blake3(data)),
  keyedHash: (key, data) => fresh(blake3(data, { key })),
  deriveKey: (context, material, size = 32) =>
    fresh(blake3(material, { context: new TextEncoder().encode(context), dkLen: size })),
  createHasher: (key) => createReferenceHasher(key),
  seal: (key, nonce, plaintext, additionalData) =>
    fresh(xchacha20poly1305(key, nonce, additionalData).encrypt(plaintext)),
  open: (key, nonce, sealed, additionalData) => {
    try {
      return fresh(xchacha20poly1305(key, nonce, additionalData).decrypt(sealed));
    } catch (cause) {
      throw new TwinError("TWIN_SEAL_BROKEN", "The reference could not open this.", {}, cause);
    }
  },
  createErasureCode: (dataCount, parityCount) => createReferenceCode(dataCount, parityCount),
  chunkBoundary: (data) => referenceChunkBoundary(data),
};

function fresh(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

function createReferenceHasher(key: Uint8Array | undefined): Hasher {
  const state = blake3.create(key === undefined ? {} : { key });
  const hasher: Hasher = {
    update: (data) => {
      state.update(data);
      return hasher;
    },
    digest: () => fresh(state.digest()),
  };
  return hasher;
}

// GF(2^8) by the schoolbook: shift, add, reduce.

/** The product of two elements of GF(2^8) with the polynomial 0x11d. */
function product(left: number, right: number): number {
  let sum = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((right & (1 << bit)) !== 0) sum ^= left << bit;
  }
  for (let bit = 14; bit >= 8; bit--) {
    if ((sum & (1 << bit)) !== 0) sum ^= 0x11d << (bit - 8);
  }
  return sum;
}

const PRODUCTS = Array.from({ length: 256 }, (_, left) =>
  Uint8Array.from({ length: 256 }, (_, right) => product(left, right)),
);

function inverse(element: number): number {
  return PRODUCTS[element]!.indexOf(1);
}

function createReferenceCode(dataCount: number, parityCount: number): ErasureCode {
  const rows = Array.from({ length: dataCount + parityCount }, (_, row) =>
    Array.from({ length: dataCount }, (_, column) => {
      if (row < dataCount) return row === column ? 1 : 0;
      return inverse(row ^ column);
    }),
  );
  const code: ErasureCode = {
    dataCount,
    parityCount,
    encode: (data) => rows.slice(dataCount).map((row) => combine(row, data)),
    reconstruct: (shards) => {
      const given = shards.flatMap((shard, index) => (shard === undefined ? [] : [{ shard, index }]));
      if (given.length < dataCount) throw new TwinError("TWIN_CODE_LOST", "Too few shards for the reference.");
      const chosen = given.slice(0, dataCount);
      const data = solve(
        chosen.map(({ index }) => [...rows[index]!]),
        chosen.map(({ shard }) => Uint8Array.from(shard)),
      );
      return shards.map((shard, index) => shard ?? combine(rows[index]!, data));
    },
  };
  return code;
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
