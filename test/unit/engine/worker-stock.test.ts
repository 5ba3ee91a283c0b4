// Tests host/engine/worker-stock.ts: the thread that stands ready.

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { WorkerStock } from "../../../host/engine/worker-stock.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const ECHO = new URL(
  'data:text/javascript,import { parentPort, threadId } from "node:worker_threads";' +
    'parentPort.on("message", () => parentPort.postMessage(threadId));',
);

/** Answers "who" with all that it was sent. */
const REPEATER = new URL(
  'data:text/javascript,import { parentPort } from "node:worker_threads";' +
    'const all = []; parentPort.on("message", (what) => { all.push(what); if (what === "who") parentPort.postMessage(all); });',
);

function open(entry = ECHO): AsyncDisposable & { readonly stock: WorkerStock; readonly soon: () => Promise<void> } {
  const clock = createManualClock();
  const soon = async (): Promise<void> => {
    clock.advance(LIMITS.engine.spareDelayMs);
    await setImmediate();
  };
  const stock = new WorkerStock({ entry, clock, log: silentLog });
  return { stock, soon, [Symbol.asyncDispose]: () => stock[Symbol.asyncDispose]() };
}

async function answerOf(worker: Worker): Promise<unknown> {
  worker.postMessage("who");
  return (await once(worker, "message"))[0];
}

/** Numbers of threads go up. */
async function numberNow(): Promise<number> {
  const worker = new Worker(ECHO);
  const number = worker.threadId;
  await worker.terminate();
  return number;
}

test("a thread that stands ready is the next one that is taken, once", async () => {
  await using opened = open();
  const { stock, soon } = opened;
  stock.prepare();
  stock.prepare();
  await soon();
  const number = await numberNow();
  const [ready, fresh] = [stock.take(), stock.take()];
  expect([ready.threadId, fresh.threadId]).toEqual([number - 1, number + 1]);
  expect(await answerOf(ready)).toBe(ready.threadId);
  await Promise.all([ready, fresh].map((worker) => worker.terminate()));
});

test("after one was taken the next one can stand ready", async () => {
  await using opened = open();
  const { stock, soon } = opened;
  stock.prepare();
  await soon();
  const spare = stock.take();
  await spare.terminate();
  stock.prepare();
  await soon();
  const number = await numberNow();
  const next = stock.take();
  expect(next.threadId).toBe(number - 1);
  expect(await answerOf(next)).toBe(next.threadId);
  await next.terminate();
});

test("who stands ready is told of programs: of those that are known when it starts, and of each that comes later", async () => {
  await using opened = open(REPEATER);
  const { stock, soon } = opened;
  const [one, two, three] = ["1", "2", "3"].map((hash) => ({ hash, packageFolder: `of ${hash}` }));
  stock.know(one!);
  stock.know(two!);
  stock.know(one!);
  stock.prepare();
  await soon();
  stock.know(three!);
  const worker = stock.take();
  // It serves: what it needs it compiles.
  stock.know(two!);
  expect(await answerOf(worker)).toEqual([{ programs: [two, one] }, { programs: [three] }, "who"]);
  await worker.terminate();
});

test("none is started once the stock is closed", async () => {
  const { stock, soon } = open();
  const number = await numberNow();
  stock.prepare();
  await stock[Symbol.asyncDispose]();
  await soon();
  expect(await numberNow()).toBe(number + 1);
});
