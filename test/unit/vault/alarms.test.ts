// Many waits on one timer: each rings at its own time or not at all.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { createAlarms } from "../../../host/vault/alarms.ts";
import { createManualClock } from "../../support/manual-clock.ts";

/** Lets what was woken run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("alarms", () => {
  test("ring once, at their time and not before, in any order in which they were set", async () => {
    const waits = fc.array(fc.record({ afterMs: fc.nat(20), delayMs: fc.nat(60), isEnded: fc.boolean() }));
    await fc.assert(
      fc.asyncProperty(waits, async (orders) => {
        const clock = createManualClock();
        const alarms = createAlarms(clock);
        const rung: { readonly at: number; readonly atMs: number }[] = [];
        const expected: { readonly at: number; readonly atMs: number }[] = [];
        for (const [at, { afterMs, delayMs, isEnded }] of orders.entries()) {
          for (let ms = 0; ms < afterMs; ms++) {
            clock.advance(1);
            await turn();
          }
          const end = alarms.set(delayMs, () => rung.push({ at, atMs: clock.elapsedMs() }));
          if (isEnded) end();
          // One that is due at once rings when the clock moves again.
          else expected.push({ at, atMs: clock.elapsedMs() + Math.max(1, delayMs) });
        }
        for (let ms = 0; ms < 62; ms++) {
          clock.advance(1);
          await turn();
        }
        const byNumber = (left: { at: number }, right: { at: number }): number => left.at - right.at;
        expect(rung.toSorted(byNumber)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test("sleep once, however many are set", () => {
    const clock = createManualClock();
    const alarms = createAlarms(clock);
    for (let at = 0; at < 100; at++) alarms.set(250 + at, () => {});
    expect(clock.sleeperCount).toBe(1);
    alarms.set(10, () => {});
    expect(clock.sleeperCount).toBe(1);
  });

  test("sleep no more when all were ended", async () => {
    const clock = createManualClock();
    const end = createAlarms(clock).set(250, () => {});
    end();
    clock.advance(250);
    await turn();
    expect(clock.sleeperCount).toBe(0);
  });

  test("ring when the clock has jumped over several of them", async () => {
    const clock = createManualClock();
    const alarms = createAlarms(clock);
    const rung: number[] = [];
    for (const delayMs of [3_000, 250, 500]) alarms.set(delayMs, () => rung.push(delayMs));
    clock.advance(1_000);
    await turn();
    expect(rung).toEqual([250, 500]);
  });

  test("may be set by one that rings", async () => {
    const clock = createManualClock();
    const alarms = createAlarms(clock);
    const rung: string[] = [];
    alarms.set(5, () => {
      rung.push("first");
      alarms.set(5, () => rung.push("second"));
    });
    for (let ms = 0; ms < 10; ms++) {
      clock.advance(1);
      await turn();
    }
    expect(rung).toEqual(["first", "second"]);
  });

  test("ring on the machine's clock", async () => {
    const alarms = createAlarms(systemClock);
    const { promise, resolve } = Promise.withResolvers<string>();
    alarms.set(2, () => resolve("second"));
    alarms.set(1, () => alarms.set(0, () => resolve("first")));
    expect(["first", "second"]).toContain(await promise);
  });
});
