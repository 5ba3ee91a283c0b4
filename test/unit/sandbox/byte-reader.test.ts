import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ByteReader } from "../../../host/sandbox/wasm/byte-reader.ts";
import { ByteWriter } from "../../../host/sandbox/wasm/byte-writer.ts";
import { errorOf } from "./sandbox-support.ts";

describe("numbers of the binary format", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: -(2 ** 32), max: 2 ** 32 - 1 }),
        (a, b) => {
          const reader = new ByteReader(new ByteWriter(1).u32(a).signed(b).toBytes());
          expect([reader.u32(), reader.s33(), reader.done]).toEqual([a, b, true]);
        },
      ),
    );
  });

  it("are written in the shortest form (examples of the LEB128 definition)", () => {
    expect(new ByteWriter().u32(624_485).toBytes()).toEqual(Uint8Array.of(0xe5, 0x8e, 0x26));
    expect(new ByteWriter().signed(-123_456).toBytes()).toEqual(Uint8Array.of(0xc0, 0xbb, 0x78));
    expect(new ByteWriter().signed(Number.MIN_SAFE_INTEGER).size).toBe(8);
    const shortest = (value: number): number => new ByteWriter().signed(value).size;
    expect([0, 63, 64, -64, -65, 2 ** 31].map(shortest)).toEqual([1, 1, 2, 1, 2, 5]);
  });

  it.each([
    ["six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["33 bits", [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ["no end", [0x80, 0x80]],
    ["nothing", []],
  ])("are refused when they have %s", (_, bytes) => {
    errorOf(() => new ByteReader(Uint8Array.from(bytes)).u32(), "TWIN_MODULE_INVALID");
  });

  it("never lead behind the end", () => {
    errorOf(() => new ByteReader(Uint8Array.of(5, 1, 2)).name(), "TWIN_MODULE_INVALID");
    errorOf(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).name(), "TWIN_MODULE_INVALID");
    errorOf(() => new ByteReader(Uint8Array.of(1)).sub(2), "TWIN_MODULE_INVALID");
    errorOf(() => new ByteReader(Uint8Array.of(1)).finish(), "TWIN_MODULE_INVALID");
    errorOf(() => new ByteReader(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0)).skipLeb(5), "TWIN_MODULE_INVALID");
  });
});
