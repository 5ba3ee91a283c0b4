// Entry of an engine worker: owns one twin's state and guests, and may be terminated at any instant.

import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { openKernels } from "../kernels/open-kernels.ts";
import { createDirectoryJournalFolder } from "../state/directory-journal-folder.ts";
import { openJournal } from "../state/journal.ts";
import { openJournalStateStore } from "../state/journal-state-store.ts";
import { type IdentifiedAnswer, packAnswers, unpackCalls } from "./call-packing.ts";
import type { CallAnswer, Receipt, TwinEvent } from "./engine.ts";
import { EngineCore } from "./engine-core.ts";
import { ENGINE_OPERATIONS, type Operation } from "./engine-operations.ts";
import { FairQueue } from "./fair-queue.ts";
import type { GuestLogLevel } from "./guest-frame.ts";
import type { EngineNews, OperationAnswer, OperationName } from "./operations.ts";
import { createPackageFolder } from "./package-folder.ts";
import { createRecordFeed } from "./record-feed.ts";
import { startTimerLoop } from "./timer-loop.ts";
import {
  type EngineWorkerData,
  type FromWorker,
  type ToWorker,
  type WorkerLogLine,
  type WorkerReply,
  type WorkerRequest,
} from "./worker-messages.ts";

/** Collects what is to be told, and posts it when the current work is done. */
class Mailer {
  readonly #post: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  #replies: WorkerReply[] = [];
  #answers: IdentifiedAnswer[] = [];
  #receipts: Receipt[] = [];
  #events: TwinEvent[] = [];
  #outboxPeers = new Set<string>();
  #log: WorkerLogLine[] = [];
  #posting = false;

  constructor(post: (message: FromWorker, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  reply(reply: WorkerReply): void {
    if ("answer" in reply && isCallAnswer(reply.answer)) this.#answers.push({ id: reply.id, answer: reply.answer });
    else this.#replies.push(reply);
    this.#postSoon();
  }

  tell({ receipts, events, outboxPeers }: EngineNews): void {
    this.#receipts.push(...receipts);
    this.#events.push(...events);
    for (const peer of outboxPeers) this.#outboxPeers.add(peer);
    this.#postSoon();
  }

  log(level: GuestLogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#log.push({ level, fields: { ...fields, ...plainError(fields["err"]) }, message });
    this.#postSoon();
  }

  #postSoon(): void {
    if (this.#posting) return;
    this.#posting = true;
    // Behind all answers that become ready in this turn.
    process.nextTick(() => {
      this.#posting = false;
      const [replies, log] = [this.#replies, this.#log];
      const packed = { answers: this.#answers, receipts: this.#receipts };
      const isPacked = packed.answers.length + packed.receipts.length > 0;
      const answers = isPacked ? packAnswers(packed) : undefined;
      const news: EngineNews = { outboxPeers: [...this.#outboxPeers], events: this.#events, receipts: [] };
      [this.#replies, this.#answers, this.#receipts, this.#events, this.#log] = [[], [], [], [], []];
      this.#outboxPeers = new Set();
      this.#post(
        { kind: "batch", answers, replies, news, log },
        answers === undefined ? [] : [answers.payloads.buffer],
      );
    });
  }
}

/** Work of the worker's own that runs guests: it waits its turn in a lane of its own. */
interface OwnWork {
  readonly id: typeof OWN_ID;
  readonly caller: "own";
  readonly lane: "";
  readonly run: () => void;
}

/** No request has it: the watchdog sees that something runs, and gives it a call's time. */
const OWN_ID = -1;

/** Runs requests in turn, a slice at a time, and says which one is running. */
class RequestLoop {
  readonly #core: EngineCore;
  readonly #mailer: Mailer;
  readonly #running: Int32Array;
  readonly #queue = new FairQueue<WorkerRequest | OwnWork>();
  #scheduled = false;

  constructor(core: EngineCore, mailer: Mailer, running: SharedArrayBuffer) {
    this.#core = core;
    this.#mailer = mailer;
    this.#running = new Int32Array(running);
  }

  accept({ calls, requests, drops }: ToWorker): void {
    if (calls !== undefined) for (const call of unpackCalls(calls)) this.#queue.push(call);
    for (const request of requests) this.#queue.push(request);
    for (const id of drops) {
      if (this.#queue.drop(id) !== undefined) this.#mailer.reply({ id, dropped: true });
    }
    if (!this.#scheduled) this.#runSlice();
  }

  /** Runs `work` when it is its turn; settles as it does. */
  perform(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ id: OWN_ID, caller: "own", lane: "", run: () => resolve(Promise.try(work)) });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#runSlice());
    }
    return promise;
  }

  /** Commits of one slice share one sync; answers go out after it. */
  #runSlice(): void {
    this.#scheduled = false;
    const startedMs = systemClock.elapsedMs();
    let beforeMs = startedMs;
    for (let request = this.#queue.next(); request !== undefined; request = this.#queue.next()) {
      if ("run" in request) this.#marked(OWN_ID, request.run);
      else this.#perform(request);
      const nowMs = systemClock.elapsedMs();
      this.#queue.charge(request.caller, nowMs - beforeMs);
      beforeMs = nowMs;
      if (nowMs - startedMs < LIMITS.engine.sliceMs) continue;
      this.#scheduled = true;
      setImmediate(() => this.#runSlice());
      return;
    }
  }

  #perform({ id, name, args, sentAtMs }: WorkerRequest): void {
    // The types of name and args belong together, which TypeScript cannot follow through a table.
    const operation = ENGINE_OPERATIONS[name] as Operation<OperationName>;
    const queueMs = Math.max(0, systemClock.nowMs() - sentAtMs);
    // The operation runs here and now, up to its commit; what it throws is an answer too.
    const answering = this.#marked(id, () => Promise.try(() => operation(this.#core, args, { queueMs })));
    answering.then(
      (answer) => this.#mailer.reply({ id, answer }),
      (thrown: unknown) => {
        const error = toTwinError(thrown);
        if (error !== thrown)
          this.#mailer.log("error", { err: thrown }, `The operation ${name} met an error of the host.`);
        this.#mailer.reply({ id, error: error.toWire() });
      },
    );
  }

  /** Lets the watchdog see what runs, and that it is another one than before. */
  #marked<Result>(id: number, run: () => Result): Result {
    Atomics.add(this.#running, 1, 1);
    Atomics.store(this.#running, 0, id);
    try {
      return run();
    } finally {
      Atomics.store(this.#running, 0, 0);
    }
  }
}

function isCallAnswer(answer: OperationAnswer<OperationName>): answer is CallAnswer {
  return answer !== undefined && "payload" in answer && "receipt" in answer;
}

/** Errors lose their class between threads: only their text crosses. */
function plainError(thrown: unknown): { readonly err?: Readonly<Record<string, string | undefined>> } {
  return thrown instanceof Error ? { err: { type: thrown.name, message: thrown.message, stack: thrown.stack } } : {};
}

function createWorkerLog(mailer: Mailer): Log {
  return {
    debug: (fields, message) => mailer.log("debug", fields, message),
    info: (fields, message) => mailer.log("info", fields, message),
    warn: (fields, message) => mailer.log("warn", fields, message),
    error: (fields, message) => mailer.log("error", fields, message),
  };
}

async function openCore(
  { folder, twin, stateKey, follow }: EngineWorkerData,
  mailer: Mailer,
  post: (message: FromWorker) => void,
): Promise<EngineCore> {
  const kernels = await openKernels();
  const log = createWorkerLog(mailer);
  const journalFolder = createDirectoryJournalFolder(join(folder, "journal"));
  const journal = await openJournal({ folder: journalFolder, kernels, log });
  const store = await openJournalStateStore({
    path: join(folder, "state.sqlite"),
    key: stateKey,
    twin,
    journal,
    kernels,
    clock: systemClock,
    random: systemRandom,
    log,
    onRecord: follow ? createRecordFeed(post) : undefined,
  });
  stateKey.fill(0);
  return new EngineCore({
    twin,
    store,
    journal,
    packages: createPackageFolder(join(folder, "packages"), kernels),
    kernels,
    clock: systemClock,
    random: systemRandom,
    log,
    onNews: (news) => mailer.tell(news),
  });
}

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new TypeError("This file is the entry of a worker thread; openEngine starts it.");
  const data = workerData as EngineWorkerData;
  const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const mailer = new Mailer(post);
  try {
    const core = await openCore(data, mailer, post);
    const loop = new RequestLoop(core, mailer, data.running);
    startTimerLoop(core, (work) => loop.perform(work));
    port.on("message", (message: ToWorker) => loop.accept(message));
    post({ kind: "ready" });
  } catch (thrown) {
    post({ kind: "failed", error: toTwinError(thrown).toWire() });
  }
}

await main();
