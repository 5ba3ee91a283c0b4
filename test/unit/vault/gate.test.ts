// Never more at work than the gate is wide, nobody starves, and a failure frees its place.

import { expect, test } from "vitest";
import { createGate } from "../../../host/vault/gate.ts";

test("a gate lets in as many as it is wide, in order, and goes on after a failure", async () => {
  const gate = createGate(2);
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const task = (number: number) => async (): Promise<number> => {
    order.push(number);
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
    if (number % 3 === 0) throw new Error(`task ${number}`);
    return number;
  };
  const outcomes = await Promise.allSettled([...Array(12).keys()].map((number) => gate(task(number))));
  expect(most).toBe(2);
  expect(order).toEqual([...Array(12).keys()]);
  expect(outcomes.map(({ status }) => status === "rejected")).toEqual(order.map((number) => number % 3 === 0));
  expect(await gate(task(1))).toBe(1);
});
