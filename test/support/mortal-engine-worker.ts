// The real engine worker, and a way to make it die: reading the table `$die` ends the thread, reading
// `$hang` makes it run for ever as a guest would that metering cannot stop.

import { parentPort } from "node:worker_threads";
import { unpackCalls } from "../../host/engine/call-packing.ts";
import { batchOf, type EngineWorkerData, type ToWorker } from "../../host/engine/worker-messages.ts";

let running: Int32Array<SharedArrayBuffer>;

parentPort!.on("message", (message: EngineWorkerData | ToWorker) => {
  if ("running" in message) {
    running = new Int32Array(message.running);
    return;
  }
  const { calls, requests } = batchOf(message);
  for (const { id, name, args } of [...requests, ...(calls === undefined ? [] : unpackCalls(calls))]) {
    if (name !== "readTable" && name !== "call") continue;
    const what = name === "call" ? args.method : args.namespace;
    if (what === "$die") process.exit(1);
    if (what !== "$hang") continue;
    Atomics.store(running, 0, id);
    for (;;) Atomics.wait(running, 0, id, 1_000);
  }
});

await import("../../host/engine/engine-worker.ts");
