// A worker of the pool: admits modules and runs guests, one message after the other. It trusts the
// pool, and knows nothing but what it is told.

import { workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import { admit } from "./admit.ts";
import { compileGuest } from "./guest.ts";
import { GuestTable } from "./guest-table.ts";
import { Lookout } from "./lookout.ts";
import {
  type AdmitRequest,
  type CallRequest,
  FlightCells,
  type FromSandboxWorker,
  type SandboxHost,
  type SandboxWorkerData,
  type ToSandboxWorker,
} from "./pool-messages.ts";
import { ProcessTally } from "./process-tally.ts";
import type { GuestAnswer } from "./sandbox.ts";
import { stepBehindOthers } from "./thread-priority.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Below this a copy is cheaper than a transfer. */
const TRANSFER_SIZE_BYTES = 4_096;
const NO_HOST: SandboxHost = { hostInterface: {}, createHost: () => ({ implementation: {} }) };

const data = workerData as SandboxWorkerData;
const { port } = data;
if (data.behindOthers) stepBehindOthers();
const cells = new FlightCells(data.cells);
const tally = new ProcessTally(data.tally, data.tallyIndex);
const room = new WaitingRoom({ clock: systemClock, tally, waitTimeoutMs: data.waitTimeoutMs });
const host = data.host === undefined ? NO_HOST : await loadHost(data.host);
const table = new GuestTable({ host, room, tally });

const lookout = new Lookout({ port, clock: systemClock, messageCount: () => cells.messageCount("pool") });

port.on("message", (message: ToSandboxWorker) => {
  obey(message);
  lookout.watch(obeyMore);
});
post({ kind: "ready" });

/** Answers whether the event loop can wait: who stands still needs it. */
function obeyMore(message: unknown): boolean {
  obey(message as ToSandboxWorker);
  return room.count === 0;
}

function obey(message: ToSandboxWorker): void {
  switch (message.kind) {
    case "open":
      table.open(message);
      break;
    case "close":
      table.close(message.guest);
      break;
    case "admit":
      if (cells.begin(message.cell, message.id)) judge(message);
      break;
    case "call":
      if (cells.begin(message.cell, message.id)) run(message);
  }
}

async function loadHost(url: string): Promise<SandboxHost> {
  const { sandboxHost } = (await import(url)) as { readonly sandboxHost?: SandboxHost };
  if (sandboxHost === undefined) throw new TypeError(`${url} exports no sandboxHost; see SandboxHost`);
  return sandboxHost;
}

function judge({ id, bytes, memorySizeBytes }: AdmitRequest): void {
  try {
    const { wasm, ...admitted } = admit(bytes, { hostInterface: host.hostInterface, limits: { memorySizeBytes } });
    // The bytes have done their work: the compiled code is shared by all threads.
    const { module } = compileGuest({ ...admitted, wasm });
    post({ kind: "admitted", id, compiled: { admitted, module } });
  } catch (thrown) {
    fail(id, thrown);
  }
}

function run(request: CallRequest): void {
  try {
    const { cell, id } = request;
    const answer = table.call(request, (still) => cells.standStill(cell, id, still));
    if (!(answer instanceof Promise)) succeed(request.id, answer);
    else
      answer.then(
        (done) => succeed(request.id, done),
        (thrown: unknown) => fail(request.id, thrown),
      );
  } catch (thrown) {
    fail(request.id, thrown);
  }
}

function succeed(id: number, { payload, usage }: GuestAnswer): void {
  const transfer = payload.length > TRANSFER_SIZE_BYTES ? [payload.buffer] : [];
  post({ kind: "answered", id, payload, usage }, transfer);
}

function fail(id: number, thrown: unknown): void {
  const error = toTwinError(thrown);
  const trace = error.code === "TWIN_HOST_INTERNAL" && error.cause instanceof Error ? error.cause.stack : undefined;
  post({ kind: "failed", id, error: error.toWire(), trace });
}

function post(message: FromSandboxWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
  cells.countMessage("worker");
}
