import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hexEncode, jsonEncode } from "../../../host/base/bytes.ts";
import type { StateKey, StateWrite } from "../../../host/state/state-store.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { CHAIN, FAULTS, faultyMethod, faultyPackages, FUNCTIONS } from "../../support/faulty-packages.ts";

/** Accounts: a call that failed leaves a receipt, and nothing else. */
const ACCOUNTS = new Set(["$receipt-pages", "$receipt-sums", "$totals"]);
const FUEL = 8_000_000;

let bench: EngineBench;
beforeAll(async () => {
  bench = await openEngineBench();
  for (const packageBytes of faultyPackages()) await bench.do("install", packageBytes);
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Every row of the state, but for the accounts. */
async function rows(): Promise<string[]> {
  const found: string[] = [];
  let after: StateKey | undefined;
  for (;;) {
    const page: readonly StateWrite[] = await bench.do("stateRows", after);
    if (page.length === 0) return found;
    for (const { namespace, key, value } of page) {
      if (!ACCOUNTS.has(namespace)) found.push(`${namespace} ${hexEncode(key)} ${hexEncode(value!)}`);
    }
    after = page.at(-1);
  }
}

describe.each([0, 1, CHAIN.length - 1])("a guest %i calls deep that goes wrong in a command", (depth) => {
  const capability = CHAIN[CHAIN.length - 1 - depth]!;

  test.each(FUNCTIONS)("at %s leaves nothing but its receipt, however it goes wrong", async (name) => {
    const before = await rows();
    const { calls, errors } = await bench.do("status", undefined);
    const codes: string[] = [];
    for (const fault of FAULTS) {
      const call = bench.call(faultyMethod(name, fault), "x", { capability, budget: { fuel: FUEL } });
      codes.push(
        await call.then(
          () => "it went through",
          ({ code }: { code: string }) => code,
        ),
      );
    }
    expect(
      codes.every((code) => /^TWIN_(?:GUEST|LIMIT|CALL)_/u.test(code)),
      codes.join(),
    ).toBe(true);
    await bench.core.flush();
    expect(await rows()).toEqual(before);
    const after = await bench.do("status", undefined);
    expect([after.calls, after.errors]).toEqual([calls + FAULTS.length, errors + FAULTS.length]);
    expect(after).toMatchObject({ outbox: 0, timers: 0, lastEventSequence: 0 });
    const [receipt] = await bench.do("receipts", { limit: 1 });
    expect(receipt).toMatchObject({ capability, outcome: "error", bytes: { written: 0 } });
  });
});

test("A guest that does the same and goes right changes all of it", async () => {
  const before = (await rows()).length;
  await bench.do("call", { holder: { kind: "owner" }, capability: "top", method: "keep", payload: jsonEncode("x") });
  expect(await bench.do("status", undefined)).toMatchObject({ outbox: 1, timers: 1, lastEventSequence: 1 });
  expect((await rows()).length).toBeGreaterThan(before + 5);
});
