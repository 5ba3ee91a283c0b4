// The host's end of the chain worker, with a worker that goes wrong in every way.

import { expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { createChainLink, type ChainLink } from "../../../host/phonebook/chain-link.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { ODD } from "../../support/odd-chain-worker.ts";

const { chainIdleMs, chainReadTimeoutMs, chainRestMs, chainRestMaxMs, chainQuestionsInFlight } = LIMITS.phonebook;
const entry = new URL("../../support/odd-chain-worker.ts", import.meta.url);
const failed = { code: "TWIN_CHAIN_FAILED" };

function openLink(): { readonly link: ChainLink; readonly clock: ManualClock } {
  const clock = createManualClock();
  return { clock, link: createChainLink({ url: "ws://127.0.0.1:1", clock, log: silentLog, entry }) };
}

function ask(link: ChainLink, what: number, signal?: AbortSignal): Promise<unknown> {
  return link.ask("twin", { account: Uint8Array.of(what) }, { signal });
}

/** Waits until somebody has begun to wait by the clock. */
async function sleepers(clock: ManualClock, count: number): Promise<void> {
  await expect.poll(() => clock.sleeperCount).toBe(count);
}

test("answers, again and again", async () => {
  const { link } = openLink();
  await using _ = link;
  for (let round = 0; round < 3; round++)
    expect(await ask(link, ODD.echo)).toEqual({ account: Uint8Array.of(ODD.echo) });
  expect(await ask(link, ODD.unasked)).toBeUndefined();
});

test.each(["failure", "death", "crash", "oddCode"] as const)("says that the chain failed after a %s", async (what) => {
  const { link } = openLink();
  await using _ = link;
  await expect(ask(link, ODD[what])).rejects.toMatchObject(failed);
});

test("kills what is silent or stuck, and everybody who waits is told", async () => {
  for (const what of ["silence", "stuck"] as const) {
    const { link, clock } = openLink();
    await using _ = link;
    const asked = [ask(link, ODD[what]), ask(link, ODD.silence)];
    const outcomes = Promise.allSettled(asked);
    clock.advance(chainReadTimeoutMs);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: failed });
  }
});

test("rests after a failure, longer after each, and starts afresh after a success", async () => {
  const { link, clock } = openLink();
  await using _ = link;
  for (let restMs = chainRestMs; restMs < chainRestMaxMs; restMs *= 2) {
    await expect(ask(link, ODD.failure)).rejects.toMatchObject(failed);
    clock.advance(restMs - 1);
    await expect(ask(link, ODD.echo)).rejects.toMatchObject(failed);
    clock.advance(1);
  }
  expect(await ask(link, ODD.echo)).toBeDefined();
  await expect(ask(link, ODD.failure)).rejects.toMatchObject(failed);
  clock.advance(chainRestMs);
  expect(await ask(link, ODD.echo)).toBeDefined();
});

test("lets go of who aborts, and of nobody else", async () => {
  const { link } = openLink();
  await using _ = link;
  const stop = new AbortController();
  const gone = ask(link, ODD.silence, stop.signal);
  stop.abort(new Error("enough"));
  await expect(gone).rejects.toThrow("enough");
  expect(await ask(link, ODD.echo)).toBeDefined();
});

test("asks a bounded number of things at once", async () => {
  const { link } = openLink();
  await using _ = link;
  const asked = Array.from({ length: chainQuestionsInFlight }, () => ask(link, ODD.silence));
  const outcomes = Promise.allSettled(asked);
  await expect(ask(link, ODD.echo)).rejects.toMatchObject(failed);
  await link[Symbol.asyncDispose]();
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: failed });
  await expect(ask(link, ODD.echo)).rejects.toMatchObject(failed);
});

test("ends the worker when nobody has asked for a while, and starts another for who asks then", async () => {
  const { link, clock } = openLink();
  await using _ = link;
  await ask(link, ODD.echo);
  await sleepers(clock, 1);
  clock.advance(chainIdleMs - 1);
  await ask(link, ODD.echo);
  await sleepers(clock, 1);
  clock.advance(chainIdleMs);
  expect(await ask(link, ODD.echo)).toBeDefined();
});
