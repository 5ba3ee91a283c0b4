// Who may have which memory when: what is lent is nobody else's, what is given back is used again.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { createReadBuffers } from "../../../host/vault/read-buffers.ts";

const SMALL = 100_000;
const LARGE = 4 * 1_048_576 + 1;

describe("read buffers", () => {
  test("lend again what was given back, and to one at a time", () => {
    const buffers = createReadBuffers();
    const [first, second] = [buffers.take(SMALL), buffers.take(SMALL)];
    expect(first.buffer).not.toBe(second.buffer);
    expect(first).toHaveLength(SMALL);
    buffers.give(first.subarray(10, 20));
    const third = buffers.take(SMALL + 1);
    expect(third.buffer).toBe(first.buffer);
    expect(third).toHaveLength(SMALL + 1);
    expect(buffers.take(SMALL).buffer).not.toBe(first.buffer);
  });

  test("take nothing back twice, and nothing that they did not lend", () => {
    const buffers = createReadBuffers();
    const [own, foreign] = [buffers.take(SMALL), new Uint8Array(SMALL)];
    for (const bytes of [own, own, foreign, new Uint8Array(new SharedArrayBuffer(300_000))]) buffers.give(bytes);
    expect(buffers.take(SMALL).buffer).toBe(own.buffer);
    const next = buffers.take(SMALL);
    expect([own.buffer, foreign.buffer]).not.toContain(next.buffer);
  });

  test("keep no more small ones than their limit", () => {
    const buffers = createReadBuffers();
    const count = LIMITS.vault.readBufferCount;
    const first = Array.from({ length: count + 3 }, () => buffers.take(SMALL));
    for (const bytes of first) buffers.give(bytes);
    const again = Array.from({ length: count + 3 }, () => buffers.take(SMALL).buffer);
    expect(again.filter((buffer) => first.some((bytes) => bytes.buffer === buffer))).toHaveLength(count);
  });

  test("give what is to be kept for good as a copy, and only what was lent", () => {
    const buffers = createReadBuffers();
    const lent = buffers.take(SMALL).fill(3);
    const kept = buffers.keep(lent.subarray(5, 9));
    expect(kept).toEqual(Uint8Array.of(3, 3, 3, 3));
    expect(kept.buffer).toBeInstanceOf(ArrayBuffer);
    buffers.take(SMALL).fill(9);
    expect(kept).toEqual(Uint8Array.of(3, 3, 3, 3));
    const own = Uint8Array.of(1, 2);
    expect(buffers.keep(own)).toBe(own);
  });

  test("do not lend large ones for a single read", () => {
    const buffers = createReadBuffers();
    const bytes = buffers.take(LARGE);
    expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
    buffers.give(bytes);
    expect(buffers.keep(bytes)).toBe(bytes);
  });

  test("lend large ones while somebody holds them, and find them again when the next one does", () => {
    const buffers = createReadBuffers();
    const hold = buffers.hold();
    const [bytes, late] = [buffers.take(LARGE), buffers.take(LARGE)];
    buffers.give(bytes);
    expect(buffers.take(LARGE - 1).buffer).toBe(bytes.buffer);
    buffers.give(bytes);
    hold[Symbol.dispose]();
    buffers.give(late);
    expect(buffers.take(LARGE).buffer).toBeInstanceOf(ArrayBuffer);
    buffers.hold();
    const found = [buffers.take(LARGE).buffer, buffers.take(LARGE).buffer];
    expect(found).toEqual(expect.arrayContaining([bytes.buffer, late.buffer]));
    expect(buffers.take(LARGE).buffer).not.toBe(bytes.buffer);
  });

  test("are held until the last one lets go", () => {
    const buffers = createReadBuffers();
    const first = buffers.hold();
    buffers.hold();
    const bytes = buffers.take(LARGE);
    first[Symbol.dispose]();
    buffers.give(bytes);
    expect(buffers.take(LARGE).buffer).toBe(bytes.buffer);
  });
});
