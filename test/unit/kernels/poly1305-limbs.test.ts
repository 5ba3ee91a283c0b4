import { poly1305 as noble } from "@noble/ciphers/_poly1305.js";
import asc from "assemblyscript/asc";
import { beforeAll, describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

// Poly1305 alone, under keys that ChaCha20 would never make: that is where carries hide.

interface Poly1305 {
  readonly memory: WebAssembly.Memory;
  readonly poly1305Start: (key: number) => void;
  readonly poly1305Update: (input: number, size: number) => void;
  readonly poly1305Finish: (out: number) => void;
  /** At most 5 blocks and another one, of these two halves; while ChaCha20 goes on. */
  readonly shortAbsorb: (input: number, end: number, low: bigint, high: bigint) => void;
}

/** Behind the module's own data. */
const KEY_AT = 16_384;
const INPUT_AT = 20_480;
const SOURCES = new URL("../../../assembly/", import.meta.url).pathname;

let poly1305: Poly1305;

beforeAll(async () => {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const features = ["--enable", "simd", "--enable", "relaxed-simd"];
  const options = ["--runtime", "stub", ...features, "--noAssert", "-O2", "--initialMemory", "2"];
  const { error } = await asc.main(
    ["poly1305.ts", "chacha20-short.ts", "--baseDir", SOURCES, "--outFile", "poly1305.wasm", ...options],
    {
      writeFile: (_, contents) => {
        if (typeof contents !== "string") binary = Uint8Array.from(contents);
      },
    },
  );
  if (error !== null) throw error;
  const { instance } = await WebAssembly.instantiate(binary!);
  poly1305 = instance.exports as unknown as Poly1305;
}, 60_000);

/** The tag by Poly1305 alone, or by whole blocks beside ChaCha20. */
function tagOf(key: Uint8Array, message: Uint8Array, beside = false): string {
  const bytes = new Uint8Array(poly1305.memory.buffer);
  bytes.set(key, KEY_AT);
  bytes.set(message, INPUT_AT);
  poly1305.poly1305Start(KEY_AT);
  const end = INPUT_AT + message.length;
  if (beside) {
    const view = new DataView(bytes.buffer);
    for (let at = INPUT_AT; at < end; at += 96) {
      const last = Math.min(at + 96, end) - 16;
      poly1305.shortAbsorb(at, last, view.getBigUint64(last, true), view.getBigUint64(last + 8, true));
    }
  } else {
    poly1305.poly1305Update(INPUT_AT, message.length);
  }
  poly1305.poly1305Finish(KEY_AT);
  return hexEncode(bytes.subarray(KEY_AT, KEY_AT + 16));
}

const ONE_AND_FOUR = "01000000000000000400000000000000";
const NO_S = "00".repeat(16);

describe("the vectors of RFC 8439, appendix A.3", () => {
  it.each([
    ["#1", "00".repeat(32), "00".repeat(64), "00".repeat(16)],
    ["#5", `02${"00".repeat(31)}`, "ff".repeat(16), `03${"00".repeat(15)}`],
    ["#6", `02${"00".repeat(15)}${"ff".repeat(16)}`, `02${"00".repeat(15)}`, `03${"00".repeat(15)}`],
    [
      "#7",
      `01${"00".repeat(31)}`,
      `${"ff".repeat(16)}f0${"ff".repeat(15)}11${"00".repeat(15)}`,
      `05${"00".repeat(15)}`,
    ],
    ["#8", `01${"00".repeat(31)}`, `${"ff".repeat(16)}fb${"fe".repeat(15)}${"01".repeat(16)}`, "00".repeat(16)],
    ["#9", `02${"00".repeat(31)}`, `fd${"ff".repeat(15)}`, `fa${"ff".repeat(15)}`],
    [
      "#10",
      ONE_AND_FOUR + NO_S,
      `e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001${"00".repeat(15)}`,
      "14000000000000005500000000000000",
    ],
    [
      "#11",
      ONE_AND_FOUR + NO_S,
      "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000",
      `13${"00".repeat(15)}`,
    ],
  ])("hold: %s", (_, key, message, tag) => {
    expect(tagOf(Uint8Array.fromHex(key), Uint8Array.fromHex(message))).toBe(tag);
  });
});

describe("Poly1305", () => {
  const words = [0, 1, 2, 3, 4, 0x0fffffff, 0x0ffffffc, 0x7fffffff, 0x80000000, 0xfffffffb, 0xfffffffe, 0xffffffff];

  /** `size` bytes of words that are at the edges of their range. */
  function edges(seed: number, size: number): Uint8Array<ArrayBuffer> {
    const picks = seededBytes(seed, size / 4);
    return new Uint8Array(Uint32Array.from(picks, (pick) => words[pick % words.length]!).buffer);
  }

  it("equals the reference where all words are at the edges of their range", () => {
    for (let seed = 1; seed <= 4_000; seed++) {
      const key = edges(seed, 32);
      const message = edges(seed + 10_000, 16 * (1 + (seed % 12)));
      const tag = hexEncode(noble(message, key));
      if (tagOf(key, message) !== tag) expect.fail(`seed ${seed} differs`);
      if (tagOf(key, message, true) !== tag) expect.fail(`seed ${seed} differs beside ChaCha20`);
    }
  });

  it("equals the reference for the largest sums, over and over", () => {
    const message = new Uint8Array(4_096).fill(0xff);
    for (const key of [new Uint8Array(32).fill(0xff), edges(7, 32), seededBytes(8, 32)]) {
      expect(tagOf(key, message)).toBe(hexEncode(noble(message, key)));
    }
  });
});
