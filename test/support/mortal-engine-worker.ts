// The real engine worker, and a way to make it die: reading the table `$die` ends the thread, reading
// `$hang` makes it run for ever as a guest would that metering cannot stop. So does a task that asks the
// outside for something with `$hang` in its name, where it is then.

import { MessageChannel, parentPort } from "node:worker_threads";
import { unpackCalls } from "../../host/engine/call-packing.ts";
import { serveEngines } from "../../host/engine/serve-engines.ts";
import { batchOf, type EngineWorkerData, type Rehearsal, type ToWorker } from "../../host/engine/worker-messages.ts";
import { createDirectoryJournalFolder } from "../../host/state/directory-journal-folder.ts";

// Whatever comes is looked at before the engine takes it.
const { port1: door, port2: behind } = new MessageChannel();
let running: Int32Array<SharedArrayBuffer>;

parentPort!.on("message", (message: EngineWorkerData | Rehearsal | ToWorker) => {
  if ("programs" in message) return behind.postMessage(message);
  if ("running" in message) {
    running = new Int32Array(message.running);
    behind.postMessage(message, [message.outside]);
    return;
  }
  const { calls, requests } = batchOf(message);
  for (const { id, name, args } of [...requests, ...(calls === undefined ? [] : unpackCalls(calls))]) {
    if (name !== "readTable" && name !== "call") continue;
    const what = name === "call" ? args.method : args.namespace;
    if (what === "$die") process.exit(1);
    if (what !== "$hang") continue;
    Atomics.store(running, 0, id);
    hang(id);
  }
  behind.postMessage(message);
});
// Out of it goes at once what it says, also when it hangs behind that.
door.postMessage = parentPort!.postMessage.bind(parentPort);

door.on("message", (message: EngineWorkerData | Rehearsal | ToWorker) => {
  if (!("outside" in message)) return;
  const { outside } = message;
  const post = outside.postMessage.bind(outside);
  outside.postMessage = (asked: unknown) => {
    if (JSON.stringify(asked).includes("$hang")) hang(Atomics.load(running, 0));
    post(asked);
  };
});

function hang(id: number): never {
  for (;;) Atomics.wait(running, 0, id, 1_000);
}

await serveEngines(door, createDirectoryJournalFolder);
