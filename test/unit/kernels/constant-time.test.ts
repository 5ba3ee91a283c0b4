import { describe, expect, it } from "vitest";
import { addressOf } from "../../../host/kernels/kernel-module.ts";
import { createHashing } from "../../../host/kernels/hashing.ts";
import { createSealing } from "../../../host/kernels/sealing.ts";
import { createShaHashing } from "../../../host/kernels/sha-hashing.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTracedKernels } from "../../support/trace-kernels.ts";

// The shipped module itself tells what it decides and which addresses it touches. For inputs of
// one size, both must be the same whatever key, nonce and text are. What the engine below makes of
// an instruction is not seen here.

const { module, trace } = await openTracedKernels();
const { chacha20poly1305, xchacha20poly1305 } = createSealing(module);
const hashing = createHashing(module);
const { sha256 } = createShaHashing(module);

/** Where the code takes another way: blocks, sets, batches, and what is between them. */
const SIZES = [0, 1, 16, 63, 64, 65, 128, 129, 255, 256, 300, 512, 1_000, 1_024, 1_100, 2_048, 4_096, 5_000, 9_000];

/** Secrets that differ in all that could be looked at: bits, sums, carries. */
function secretsOf(size: number): Uint8Array<ArrayBuffer>[] {
  const random = Array.from({ length: 5 }, (_, index) => seededBytes(index + 1, size));
  return [new Uint8Array(size), new Uint8Array(size).fill(0xff), new Uint8Array(size).fill(0x80), ...random];
}

/** All different traces that `act` leaves for secrets of `size`; the index of each is passed on. */
function tracesOf(size: number, act: (secret: Uint8Array<ArrayBuffer>, index: number) => void): unknown[] {
  const traces = secretsOf(size).map((secret, index) => {
    const { count, digest } = trace(() => act(secret, index));
    expect(count).toBeGreaterThan(20);
    return `${count} ${digest}`;
  });
  return [...new Set(traces)];
}

const KEYS = secretsOf(32);
const AD = seededBytes(3, 20);

describe("branches and addresses do not depend on secrets", () => {
  it.each(SIZES)("when %i bytes are sealed and opened", (size) => {
    for (const cipher of [chacha20poly1305, xchacha20poly1305]) {
      const nonces = secretsOf(cipher.nonceSize);
      const sealed = secretsOf(size).map((text, index) => cipher.seal(KEYS[index]!, nonces[index]!, text, AD));
      const out = new Uint8Array(size);
      expect(tracesOf(size, (text, index) => cipher.seal(KEYS[index]!, nonces[index]!, text, AD))).toHaveLength(1);
      expect(
        tracesOf(size, (_, index) => {
          cipher.openInto({ key: KEYS[index]!, nonce: nonces[index]!, additionalData: AD }, sealed[index]!, out);
        }),
      ).toHaveLength(1);
    }
  });

  it("when a message longer than the window is sealed", () => {
    const seal = (text: Uint8Array, index: number): unknown =>
      xchacha20poly1305.seal(KEYS[index]!, new Uint8Array(24), text);
    expect(tracesOf(131_072 + 700, seal)).toHaveLength(1);
  });

  it.each([30, 64, 300, 700])("when the tag of %i bytes is refused, wherever it differs", (size) => {
    const sealed = xchacha20poly1305.seal(KEYS[3]!, new Uint8Array(24), seededBytes(1, size));
    const traces = Array.from({ length: 128 }, (_, bit) => {
      const changed = sealed.slice();
      changed[size + (bit >> 3)]! ^= 1 << (bit & 7);
      return trace(() => {
        expect(() => xchacha20poly1305.open(KEYS[3]!, new Uint8Array(24), changed)).toThrow("Expected sealed bytes");
      }).digest;
    });
    expect(new Set(traces).size).toBe(1);
  });

  it.each(SIZES)("when %i bytes are hashed, keyed, and made into a key", (size) => {
    expect(tracesOf(size, (data) => hashing.hash(data))).toHaveLength(1);
    expect(tracesOf(size, (data, index) => hashing.keyedHash(KEYS[index]!, data))).toHaveLength(1);
    expect(tracesOf(size, (data) => hashing.deriveKey("a context", data, 40))).toHaveLength(1);
    expect(tracesOf(size, (data) => sha256(data))).toHaveLength(1);
  });

  it("when a batch is hashed, sealed and opened", () => {
    const sizes = Uint32Array.of(64, 64, 64, 64, 10, 700, 0, 300);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const hashes = new Uint8Array(32 * sizes.length);
    const nonces = seededBytes(9, 24 * sizes.length);
    expect(
      tracesOf(total, (inputs, index) => hashing.blake3.hashBatch({ sizes, inputs, hashes }, KEYS[index])),
    ).toHaveLength(1);
    expect(
      tracesOf(total + 16 * sizes.length, (slots, index) => {
        xchacha20poly1305.sealBatch(KEYS[index]!, { nonces, sizes, slots });
        xchacha20poly1305.openBatch(KEYS[index]!, { nonces, sizes, slots });
      }),
    ).toHaveLength(1);
  });
});

describe("the trace", () => {
  it("sees what is known to depend on data: where content is cut", () => {
    const { exports, bytes, window } = module;
    bytes.set(seededBytes(5, 2_048), addressOf(exports.GEAR_TABLE));
    const scan = (data: Uint8Array): void => {
      bytes.set(data, window);
      exports.gearStart();
      exports.gearScan(window, data.length, 40);
    };
    expect(tracesOf(200, scan).length).toBeGreaterThan(5);
  });

  it("sees a size", () => {
    const digests = [64, 65].map((size) => trace(() => hashing.hash(new Uint8Array(size))).digest);
    expect(digests[0]).not.toBe(digests[1]);
  });
});
