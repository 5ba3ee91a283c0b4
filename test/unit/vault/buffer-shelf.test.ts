// What a put's shelf of buffers gives out again, and gives back.

import { expect, test } from "vitest";
import { createBufferShelf } from "../../../host/vault/buffer-shelf.ts";

const LARGE = 3_000_000;

test("a buffer that was given is taken again, also for less", () => {
  const shelf = createBufferShelf(1);
  const first = shelf.take(LARGE);
  shelf.give(first);
  const second = shelf.take(LARGE - 1);
  expect(second.buffer).toBe(first.buffer);
  expect(second).toHaveLength(LARGE - 1);
  expect(shelf.take(LARGE).buffer).not.toBe(first.buffer);
});

test("of more buffers than it keeps the largest stay, and the others hold no memory", () => {
  const shelf = createBufferShelf(1);
  const [small, large] = [shelf.take(LARGE), shelf.take(2 * LARGE)];
  shelf.give(large);
  shelf.give(small);
  expect(small.buffer.detached).toBe(true);
  expect(shelf.take(LARGE).buffer).toBe(large.buffer);
});

test("a buffer that is too small makes way for the one that is made instead", () => {
  const shelf = createBufferShelf(2);
  const [small, large] = [shelf.take(LARGE), shelf.take(2 * LARGE)];
  shelf.give(small);
  shelf.give(large);
  expect(shelf.take(3 * LARGE)).toHaveLength(3 * LARGE);
  expect(small.buffer.detached).toBe(true);
  expect(shelf.take(2 * LARGE).buffer).toBe(large.buffer);
});

test("a cleared shelf holds no memory, and still serves", () => {
  const shelf = createBufferShelf(2);
  const view = shelf.take(LARGE);
  shelf.give(view);
  shelf.clear();
  expect(view.buffer.detached).toBe(true);
  expect(shelf.take(LARGE)).toHaveLength(LARGE);
});
