// One look for all who ask at once, and none that began before somebody asked.

import { describe, expect, test } from "vitest";
import { shareCalls } from "../../../host/vault/shared-call.ts";

/** Calls that answer their number when they are told to. */
function openCalls(): {
  readonly ask: () => Promise<number>;
  readonly settle: (isFailure?: boolean) => Promise<void>;
  readonly count: () => number;
} {
  const open: PromiseWithResolvers<number>[] = [];
  const ask = shareCalls(() => {
    open.push(Promise.withResolvers<number>());
    return open.at(-1)?.promise;
  });
  return {
    ask,
    count: () => open.length,
    async settle(isFailure = false) {
      if (isFailure) open.at(-1)?.reject(new Error("no"));
      else open.at(-1)?.resolve(open.length);
      // What waits for it begins behind some microtasks.
      await new Promise(setImmediate);
    },
  };
}

describe("a shared call", () => {
  test("begins anew for whoever asks while it is at work, once for all of them", async () => {
    const { ask, settle, count } = openCalls();
    const first = ask();
    const others = [ask(), ask(), ask()];
    expect(count()).toBe(1);
    await settle();
    expect(await first).toBe(1);
    expect(count()).toBe(2);
    const late = ask();
    await settle();
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await settle();
    expect(await late).toBe(3);
    const again = ask();
    await settle();
    expect(await again).toBe(4);
  });

  test("tells a failure to those who share it, and to nobody else", async () => {
    const { ask, settle } = openCalls();
    const first = ask();
    const second = ask();
    first.catch(() => {});
    await settle(true);
    await expect(first).rejects.toThrow("no");
    await settle();
    expect(await second).toBe(2);
  });
});
