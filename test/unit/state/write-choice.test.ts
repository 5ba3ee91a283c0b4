import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { WriteChoice } from "../../../host/state/write-choice.ts";
import { createManualClock } from "../../support/manual-clock.ts";

describe("the choice of who writes", () => {
  const slowMs = LIMITS.state.quickWriteUs / 1_000;

  function open(): { readonly write: (tookMs: number, alone?: boolean) => Promise<boolean> } {
    const clock = createManualClock();
    let isAlone = true;
    const choice = new WriteChoice({ clock, isAlone: () => isAlone });
    return {
      write: async (tookMs, alone = true) => {
        isAlone = alone;
        const isHere = choice.isHere();
        await choice.timed(() => clock.advance(tookMs));
        return isHere;
      },
    };
  }

  test("is the worker itself once the disk has been quick for a while, and only while nobody else needs it", async () => {
    const { write } = open();
    const first: boolean[] = [];
    for (let index = 0; index < 20; index++) first.push(await write(slowMs / 2));
    expect(first.slice(0, 10)).not.toContain(true);
    expect(first.at(-1)).toBe(true);
    expect(await write(slowMs / 2, false)).toBe(false);
    expect(await write(slowMs / 2)).toBe(true);
  });

  test("bears one write that is a little slow, and is not the worker for a while after one that is very slow, or several", async () => {
    for (const [slow, isBorne] of [
      [[2 * slowMs], true],
      [[9 * slowMs], false],
      [[2 * slowMs, 2 * slowMs, 2 * slowMs], false],
    ] as const) {
      const { write } = open();
      for (let index = 0; index < 100; index++) await write(0);
      for (const tookMs of slow) await write(tookMs);
      const after: boolean[] = [];
      for (let index = 0; index < 7; index++) after.push(await write(0));
      expect(after).toEqual(after.map(() => isBorne));
      for (let index = 0; index < 20; index++) await write(0);
      expect(await write(0)).toBe(true);
    }
  });

  test("leaves a disk to others of which slow writes cost more than a quarter of a quick one on average", async () => {
    for (const [every, isBorne] of [
      [24, true],
      [12, false],
    ] as const) {
      const { write } = open();
      const made: boolean[] = [];
      // As slow as four: the mean of 16 would grow by a quarter of the bound.
      for (let index = 1; index < 1_000; index++) made.push(await write(index % every === 0 ? 4 * slowMs : 0));
      expect(new Set(made.slice(100))).toEqual(new Set([isBorne]));
    }
  });

  test("never is the worker on a slow disk", async () => {
    const { write } = open();
    for (let index = 0; index < 50; index++) expect(await write(slowMs)).toBe(false);
  });

  test("passes on how a write failed", async () => {
    const choice = new WriteChoice({ clock: createManualClock(), isAlone: () => true });
    await expect(choice.timed(() => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    await expect(
      choice.timed(() => {
        throw new Error("no room here");
      }),
    ).rejects.toThrow("no room here");
  });
});
