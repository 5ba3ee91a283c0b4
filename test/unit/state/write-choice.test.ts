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

  test("is not the worker for a while after one slow write", async () => {
    const { write } = open();
    for (let index = 0; index < 20; index++) await write(0);
    await write(slowMs);
    const after: boolean[] = [];
    for (let index = 0; index < 10; index++) after.push(await write(0));
    expect(after).not.toContain(true);
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
