import { describe, expect, test } from "vitest";
import { Vigil } from "../../../host/engine/vigil.ts";
import { createManualClock } from "../../support/manual-clock.ts";

/** Longer than one lasts. */
const LENGTH_MS = 0.4;

/** A thread whose rounds a test makes. */
function open(coreCount = 2): {
  readonly vigil: Vigil;
  /** Whether the thread has something to do in the next round. */
  readonly isAwake: () => boolean;
  /** One round, which takes so long. */
  readonly round: (tookMs: number) => void;
  /** Begins vigils until one is kept; says how many chances have passed before. */
  readonly begin: () => number;
} {
  const clock = createManualClock();
  const looks: (() => void)[] = [];
  const soon = (look: () => void): void => void looks.push(look);
  const vigil = new Vigil({ clock, soon, coreCount });
  const isAwake = (): boolean => looks.length > 0;
  return {
    vigil,
    isAwake,
    round: (tookMs) => {
      clock.advance(tookMs);
      for (const look of looks.splice(0)) look();
    },
    begin: () => {
      for (let passed = 0; passed < 1_000; passed++) {
        vigil.begin();
        if (isAwake()) return passed;
      }
      return Infinity;
    },
  };
}

describe("a vigil", () => {
  test("keeps its thread awake until the message comes, and not for longer", () => {
    const { vigil, isAwake, round, begin } = open();
    begin();
    for (let count = 0; count < 3; count++) {
      expect(isAwake()).toBe(true);
      round(LENGTH_MS / 10);
    }
    vigil.end();
    round(0);
    expect(isAwake()).toBe(false);
  });

  test("ends by itself when none comes", () => {
    const { isAwake, round, begin } = open();
    begin();
    round(LENGTH_MS / 2);
    expect(isAwake()).toBe(true);
    round(LENGTH_MS / 2);
    expect(isAwake()).toBe(false);
  });

  test("that begins while another is kept is as long as one of its own, and makes one look in a round", () => {
    const { vigil, isAwake, round, begin } = open();
    begin();
    round(LENGTH_MS / 2);
    vigil.end();
    vigil.begin();
    round(LENGTH_MS / 2);
    expect(isAwake()).toBe(true);
    round(LENGTH_MS / 2);
    expect(isAwake()).toBe(false);
  });

  test("is kept for each message of one who calls again and again", () => {
    const { vigil, round, begin } = open();
    begin();
    for (let count = 0; count < 100; count++) {
      vigil.end();
      round(0);
      expect(begin()).toBe(0);
    }
  });

  test("becomes rare where messages come too late, and frequent again where they come in time", () => {
    const { vigil, round, begin } = open();
    const passed: number[] = [];
    for (let count = 0; count < 20; count++) {
      passed.push(begin());
      round(LENGTH_MS);
      // Too late: nobody looks any more.
      vigil.end();
    }
    expect(passed.slice(0, 4)).toEqual([1, 1, 2, 4]);
    expect(Math.max(...passed)).toBe(256);
    begin();
    for (let count = 0; count < 8; count++) {
      vigil.end();
      round(0);
      begin();
    }
    round(LENGTH_MS);
    expect(begin()).toBeLessThanOrEqual(2);
  });

  test("is never kept on one core, where who is waited for could not run", () => {
    expect(open(1).begin()).toBe(Infinity);
  });
});
