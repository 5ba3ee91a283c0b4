// The engine against a simple model of what it promises, with a disk that fails and kills among the steps.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { jsonDecode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { startTimerLoop, type TimerLoop } from "../../../host/engine/timer-loop.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { messagesOf } from "../../support/page-messages.ts";
import { PROBE_PEER, probePackage } from "../../support/probe-package.ts";

/** What must be true of the twin. */
interface Model {
  value: unknown;
  readonly events: string[];
  readonly outbox: string[];
  /** Of the last message that was handled. */
  handled: number;
  timers: number;
  /** Call ids that were acknowledged. */
  readonly answered: Set<string>;
  diskFails: boolean;
}

interface Real {
  bench: EngineBench;
  loop: TimerLoop;
}

type Step = fc.AsyncCommand<Model, Real>;

/** A failing disk fails every commit; anything else that is thrown is a fault of the engine. */
async function attempt(model: Model, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    expect(model.diskFails).toBe(false);
    return true;
  } catch (thrown) {
    if (thrown instanceof TwinError && thrown.code === "TWIN_STATE_FULL" && model.diskFails) return false;
    throw thrown;
  }
}

async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function step(name: string, run: (model: Model, real: Real) => Promise<void>): Step {
  return { check: () => true, run, toString: () => name };
}

const put = (text: string): Step =>
  step(`put ${text}`, async (model, { bench }) => {
    if (!(await attempt(model, () => bench.call("put", text)))) return;
    model.value = text;
  });

const putOnce = (id: string): Step =>
  step(`put under the id ${id}`, async (model, { bench }) => {
    const act = (): Promise<unknown> => bench.call("receive", `once ${id}`, { callId: id });
    if (model.answered.has(id)) expect(await act()).toBe(`once ${id}`);
    else if (await attempt(model, act)) {
      model.answered.add(id);
      model.events.push(`once ${id}`);
    }
  });

const trap = (): Step =>
  step("trap with effects", async (_model, { bench }) => {
    await expect(bench.call("put_trap", "never")).rejects.toMatchObject({ code: "TWIN_GUEST_TRAP" });
  });

const send = (text: string): Step =>
  step(`send ${text}`, async (model, { bench }) => {
    if (!(await attempt(model, () => bench.call("send", text)))) return;
    model.outbox.push(text);
  });

const deliver = (ahead: number): Step =>
  step(`deliver ${ahead} ahead`, async (model, { bench }) => {
    const sequence = Math.max(1, model.handled + ahead);
    const text = `message ${sequence}`;
    if (ahead <= 0 && model.handled > 0) {
      expect(await bench.deliver(sequence, "receive", text)).toEqual({ status: "done" });
    } else if (ahead > 1) {
      expect(await bench.deliver(sequence, "receive", text)).toEqual({ status: "gap", expected: model.handled + 1 });
    } else if (await attempt(model, () => bench.deliver(sequence, "receive", text))) {
      model.handled += 1;
      model.events.push(text);
    }
  });

const later = step("set a timer", async (model, { bench }) => {
  // It keeps the timer's id under the key of put.
  if (!(await attempt(model, () => bench.call("later", "tick")))) return;
  model.timers += 1;
  model.value = undefined;
});

const wait = step("let a minute pass", async (model, { bench }) => {
  await settleTurns();
  bench.clock.advance(60_000);
  await settleTurns();
  if (model.diskFails) return;
  model.events.push(...Array.from({ length: model.timers }, () => "tick"));
  model.timers = 0;
});

const failDisk = (fails: boolean): Step =>
  step(fails ? "the disk fails" : "the disk is back", async (model, { bench }) => {
    if (model.diskFails && !fails) await settleTurns();
    model.diskFails = fails;
    bench.faults.failWrites = fails;
    if (fails) return;
    // Timers that met the failing disk are tried again.
    await wait.run(model, { bench } as Real);
  });

const kill = step("kill", async (_model, real) => {
  real.loop.stop();
  await settleTurns();
  await real.bench.crash();
  real.loop = startTimerLoop(real.bench.core, (work) => work());
  await settleTurns();
});

async function judge(model: Model, { bench }: Real): Promise<void> {
  const events = await bench.do("events", { afterSequence: 0 });
  expect(events.map(({ payload }) => JSON.parse(payload) as string)).toEqual(model.events);
  expect(events.map(({ sequence }) => sequence)).toEqual(model.events.map((_, index) => index + 1));
  const messages = messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 1_000 }));
  expect(messages.map(({ payload }) => jsonDecode(payload))).toEqual(model.outbox);
  expect(messages.map(({ sequence }) => sequence)).toEqual(model.outbox.map((_, index) => index + 1));
  if (model.value !== undefined) expect(await bench.call("get", "")).toEqual(model.value);
  const status = await bench.do("status", undefined);
  expect(status).toMatchObject({ timers: model.timers, outbox: model.outbox.length });
  const sums = await bench.do("receiptSums", {});
  expect(sums.reduce((calls, sum) => calls + sum.calls, 0)).toBe(status.calls);
  expect(sums.reduce((fuel, sum) => fuel + sum.fuel, 0)).toBe(status.fuel);
}

test("an engine behaves as its model, whatever fails and whenever it is killed", async () => {
  const text = fc.string({ maxLength: 4 });
  const commands = fc.commands<Model, Real, false>(
    [
      text.map(put),
      text.map(send),
      fc.constantFrom("a", "b").map(putOnce),
      fc.integer({ min: -1, max: 2 }).map(deliver),
      fc.constant(trap()),
      fc.constant(later),
      fc.constant(wait),
      fc.boolean().map(failDisk),
      fc.constant(kill),
    ],
    { maxCommands: 25 },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      await using bench = await openEngineBench();
      await bench.do("install", probePackage());
      const real: Real = { bench, loop: startTimerLoop(bench.core, (work) => work()) };
      const model: Model = {
        value: null,
        events: [],
        outbox: [],
        handled: 0,
        timers: 0,
        answered: new Set(),
        diskFails: false,
      };
      await fc.asyncModelRun(() => ({ model, real }), steps);
      await failDisk(false).run(model, real);
      await judge(model, real);
      real.loop.stop();
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
