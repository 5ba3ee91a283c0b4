// What one put has of the slabs that all puts share, and what becomes of it.

import { expect, test } from "vitest";
import { createSlabs } from "../../../host/kernels/slabs.ts";
import { createBufferShelf } from "../../../host/vault/buffer-shelf.ts";

const LARGE = 3_000_000;

test("a large buffer that was given is taken again, also for less, and by another put", () => {
  const slabs = createSlabs();
  const [shelf, other] = [createBufferShelf(slabs), createBufferShelf(slabs)];
  const first = shelf.take(LARGE);
  shelf.give(first);
  const second = shelf.take(LARGE - 1);
  expect(second.buffer).toBe(first.buffer);
  expect(second).toHaveLength(LARGE - 1);
  shelf.give(second.subarray(0, 5));
  expect(other.take(LARGE).buffer).toBe(first.buffer);
});

test("a small buffer is nobody else's, and may be given back all the same", () => {
  const shelf = createBufferShelf(createSlabs());
  const first = shelf.take(1_000);
  expect(first.buffer).toBeInstanceOf(ArrayBuffer);
  shelf.give(first);
  expect(shelf.take(1_000).buffer).not.toBe(first.buffer);
});

test("a put cannot give back what another one has", () => {
  const slabs = createSlabs();
  const [shelf, other] = [createBufferShelf(slabs), createBufferShelf(slabs)];
  const bytes = shelf.take(LARGE);
  other.give(bytes);
  expect(other.take(LARGE).buffer).not.toBe(bytes.buffer);
});

test("what a put has not given back at its end is nobody's any more", () => {
  const slabs = createSlabs();
  const [shelf, other] = [createBufferShelf(slabs), createBufferShelf(slabs)];
  const [given, kept] = [shelf.take(LARGE), shelf.take(LARGE)];
  shelf.give(given);
  shelf.end();
  shelf.give(kept);
  const next = [other.take(LARGE).buffer, other.take(LARGE).buffer];
  expect(next).toContain(given.buffer);
  expect(next).not.toContain(kept.buffer);
});

test("slabs are held from the first one on until the put wants little more, and once", () => {
  const real = createSlabs();
  let holders = 0;
  const slabs = { ...real, hold: () => (holders++, { [Symbol.dispose]: () => void holders-- }) };
  const shelf = createBufferShelf(slabs);
  shelf.take(1_000);
  expect(holders).toBe(0);
  const bytes = shelf.take(LARGE);
  shelf.take(LARGE);
  expect(holders).toBe(1);
  shelf.rest();
  shelf.rest();
  expect(holders).toBe(0);
  shelf.give(bytes);
  expect(shelf.take(LARGE).buffer).toBe(bytes.buffer);
  expect(holders).toBe(1);
  shelf.end();
  shelf.end();
  expect(holders).toBe(0);
});
