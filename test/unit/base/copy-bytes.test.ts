// Copies between every kind of memory: the same bytes, nothing beside them, and never less than all.

import { describe, expect, it } from "vitest";
import { copyBytes } from "../../../host/base/bytes.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const ROOM = 20_000;
const kinds: Readonly<Record<string, () => ArrayBufferLike>> = {
  own: () => new ArrayBuffer(ROOM),
  shared: () => new SharedArrayBuffer(ROOM),
  "a module's": () => new WebAssembly.Memory({ initial: 1 }).buffer,
};

describe.each(Object.keys(kinds).flatMap((from) => Object.keys(kinds).map((to) => [from, to] as const)))(
  "bytes copied from %s memory to %s",
  (from, to) => {
    it.each([0, 1, 4_095, 4_096, 9_999])("are the same %i bytes, and their neighbours are as they were", (size) => {
      const source = new Uint8Array(kinds[from]!(), 3, ROOM - 3);
      source.set(seededBytes(5, ROOM - 3));
      const target = new Uint8Array(kinds[to]!(), 5, ROOM - 5).fill(9);
      copyBytes(source.subarray(7, 7 + size), target, 11);
      expect(Buffer.compare(target.subarray(11, 11 + size), source.subarray(7, 7 + size))).toBe(0);
      expect(target.subarray(0, 11).every((byte) => byte === 9)).toBe(true);
      expect(target.subarray(11 + size).every((byte) => byte === 9)).toBe(true);
    });

    it("are refused where there is too little room for all of them", () => {
      for (const size of [100, 5_000]) {
        const source = new Uint8Array(kinds[from]!(), 0, size);
        const target = new Uint8Array(kinds[to]!(), 0, size);
        expect(() => copyBytes(source, target, 1)).toThrow(RangeError);
        expect(() => copyBytes(source, target, -1)).toThrow(RangeError);
      }
    });
  },
);

it("copies within one buffer as if by way of another", () => {
  const bytes = seededBytes(6, 12_000);
  const expected = bytes.slice();
  expected.set(bytes.slice(0, 9_000), 1_000);
  copyBytes(bytes.subarray(0, 9_000), bytes, 1_000);
  expect(Buffer.compare(bytes, expected)).toBe(0);
});
