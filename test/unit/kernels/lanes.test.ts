import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { sha256 } from "@noble/hashes/sha2.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { type LaneTable, uniformTable } from "../../../host/kernels/hardware-profile.ts";
import type { LaneWork } from "../../../host/kernels/lane-work.ts";
import { createLanes } from "../../../host/kernels/lanes.ts";
import { nativeLane } from "../../../host/kernels/native-lane.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { createWasmLane } from "../../../host/kernels/wasm-lane.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const kernels = await openKernels();
const LANES: [string, LaneWork][] = [
  ["wasm", createWasmLane(kernels)],
  ["native", nativeLane],
  ["the chosen one", createLanes(kernels, mixedTable())],
];

/** Changes lane at sizes that tests cross. */
function mixedTable(): LaneTable {
  const rules = [
    { upToSizeBytes: 100, lane: "wasm" },
    { upToSizeBytes: 3_000, lane: "native" },
    { upToSizeBytes: null, lane: "wasm" },
  ] as const;
  return { "chacha20poly1305-seal": rules, "chacha20poly1305-open": rules, sha256: rules };
}

const message = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  text: fc.integer({ min: 0, max: 70_000 }).chain((size) => fc.constant(seededBytes(size, size))),
  additionalData: fc.uint8Array({ maxLength: 100 }),
});

describe("all lanes", () => {
  it("give the same bytes for the same random messages, and open each other's", () => {
    fc.assert(
      fc.property(message, ({ key, nonce, text, additionalData }) => {
        const sealed = LANES.map(([, lane]) => lane.seal(key, nonce, text, additionalData));
        const expected = hexEncode(chacha20poly1305(key, nonce, additionalData).encrypt(text));
        expect(sealed.map(hexEncode)).toEqual(LANES.map(() => expected));
        for (const [, lane] of LANES) {
          expect(Buffer.compare(lane.open(key, nonce, sealed[0]!, additionalData), text)).toBe(0);
          expect(hexEncode(lane.sha256(text))).toBe(hexEncode(sha256(text)));
        }
      }),
      { numRuns: 60, seed: 1, endOnFailure: true },
    );
  });

  it("agree for every length around their blocks", () => {
    const [key, nonce] = [seededBytes(1, 32), seededBytes(2, 12)];
    for (let size = 0; size < 300; size++) {
      const text = seededBytes(3, size);
      const sealed = LANES.map(([, lane]) => hexEncode(lane.seal(key, nonce, text, text.subarray(0, size % 33))));
      const hashes = LANES.map(([, lane]) => hexEncode(lane.sha256(text)));
      expect(new Set(sealed).size).toBe(1);
      expect(new Set(hashes).size).toBe(1);
    }
  });
});

describe.each(LANES)("the lane %s", (_name, lane) => {
  const [key, nonce, data] = [seededBytes(1, 32), seededBytes(2, 12), seededBytes(3, 5)];

  it.each([0, 1, 100, 5_000])("refuses a message of %d bytes of which one bit is another", (size) => {
    const sealed = lane.seal(key, nonce, seededBytes(4, size), data);
    const broken = expect.objectContaining({ code: "TWIN_SEAL_BROKEN" });
    for (const at of [0, Math.floor(size / 2), size, sealed.length - 1]) {
      const changed = sealed.slice();
      changed[at]! ^= 1;
      expect(() => lane.open(key, nonce, changed, data)).toThrow(broken);
    }
    expect(() => lane.open(key, nonce, sealed, data.subarray(1))).toThrow(broken);
    expect(() => lane.open(key, nonce, sealed.subarray(1), data)).toThrow(broken);
    expect(() => lane.open(key, nonce, sealed.subarray(0, 15), data)).toThrow(broken);
    expect(() => lane.open(key, seededBytes(9, 12), sealed, data)).toThrow(broken);
  });

  it("refuses keys and nonces of other sizes", () => {
    for (const [badKey, badNonce] of [
      [new Uint8Array(31), nonce],
      [key, new Uint8Array(24)],
    ] as const) {
      expect(() => lane.seal(badKey, badNonce, data, data)).toThrow(RangeError);
      expect(() => lane.open(badKey, badNonce, new Uint8Array(20), data)).toThrow(RangeError);
    }
  });

  it("leaves its arguments as they are, and gives what is the caller's own", () => {
    const text = seededBytes(4, 500);
    const sealed = lane.seal(key, nonce, text, data);
    lane.open(key, nonce, sealed, data).fill(1);
    lane.sha256(text).fill(1);
    expect(hexEncode(lane.open(key, nonce, sealed, data))).toBe(hexEncode(text));
    expect(hexEncode(text)).toBe(hexEncode(seededBytes(4, 500)));
    expect(hexEncode(lane.sha256(text))).toBe(hexEncode(sha256(text)));
  });
});

it("one lane for everything is what a uniform table says", () => {
  const { table } = createLanes(kernels, uniformTable("native"));
  expect(Object.values(table).flat()).toEqual([1, 2, 3].map(() => ({ upToSizeBytes: null, lane: "native" })));
});
