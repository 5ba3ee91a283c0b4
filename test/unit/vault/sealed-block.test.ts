// Frames cannot be flipped, cut, reordered, dropped, or taken from another block.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { frameSpan, openFrames, sealBlock, sealedSize } from "../../../host/vault/sealed-block.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testKernels } from "../../support/test-vault.ts";

const FRAME = 65_536;
const SEALED = FRAME + 16;
const kernels = await testKernels();
const key = seededBytes(1, 32);

function sealWhole(by: Kernels, plain: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(sealedSize(plain.length));
  let at = 0;
  sealBlock(by, key, plain, (size, fill) => {
    fill(sealed.subarray(at, at + size));
    at += size;
  });
  expect(at).toBe(sealed.length);
  return sealed;
}

function openWhole(sealed: Uint8Array, plainSize: number): Uint8Array {
  return openFrames(kernels, key, plainSize, { firstFrame: 0, bytes: sealed.slice() });
}

describe("a sealed block", () => {
  test.each([0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME])("of %i bytes opens to what was sealed", (size) => {
    const plain = seededBytes(size + 1, size);
    const sealed = sealWhole(kernels, plain);
    expect(sealed).toHaveLength(sealedSize(size));
    expect(Buffer.compare(openWhole(sealed, size), plain)).toBe(0);
    expect(Buffer.compare(sealed, sealWhole(referenceKernels, plain))).toBe(0);
  });

  test("opens any range from just its frames", () => {
    const plain = seededBytes(3, 5 * FRAME + 99);
    const sealed = sealWhole(kernels, plain);
    fc.assert(
      fc.property(fc.nat(plain.length), fc.nat(3 * FRAME), (offset, most) => {
        const size = Math.min(most, plain.length - offset);
        const { firstFrame, ...span } = frameSpan(plain.length, offset, size);
        const bytes = sealed.slice(span.offset, span.offset + span.sizeBytes);
        const opened = openFrames(kernels, key, plain.length, { firstFrame, bytes });
        const skip = offset - firstFrame * FRAME;
        expect(Buffer.compare(opened.subarray(skip, skip + size), plain.subarray(offset, offset + size))).toBe(0);
        expect(span.sizeBytes).toBeLessThanOrEqual((Math.ceil(size / FRAME) + 1) * SEALED);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    [
      "with its frames swapped",
      (s: Uint8Array) => concatBytes(s.subarray(SEALED, 2 * SEALED), s.subarray(0, SEALED), s.subarray(2 * SEALED)),
      2 * FRAME + 9,
    ],
    ["without its last frame", (s: Uint8Array) => s.subarray(0, 2 * SEALED), 2 * FRAME],
    ["without its first frame", (s: Uint8Array) => s.subarray(SEALED), FRAME + 9],
    ["with a bit flipped", (s: Uint8Array) => s.with(SEALED + 5, s[SEALED + 5]! ^ 1), 2 * FRAME + 9],
    ["with a frame twice", (s: Uint8Array) => concatBytes(s.subarray(0, SEALED), s), 3 * FRAME + 9],
    ["cut by a byte", (s: Uint8Array) => s.subarray(0, -1), 2 * FRAME + 8],
  ])("is refused %s", (_how, harm, plainSize) => {
    const sealed = sealWhole(kernels, seededBytes(3, 2 * FRAME + 9));
    expect(() => openWhole(harm(sealed), plainSize)).toThrow(expect.objectContaining({ code: "TWIN_SEAL_BROKEN" }));
  });
});
