// A twin's engine on one thread: calls and messages as transactions. Everything here runs to its end
// without waiting; only the answers wait, for the commit that they depend on.

import type { Clock } from "../base/clock.ts";
import { TwinError, toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { decide } from "../grants/decide.ts";
import { createGrantBook, type GrantBook } from "../grants/grant-book.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Method } from "../packages/manifest.ts";
import type { SnapshotStateStore, StateReads, StateWrite } from "../state/state-store.ts";
import { type AdmittedCall, budgetOf, type Completion, describeCall, withReceipt } from "./admitted-call.ts";
import { type AnswerBook, createAnswerBook, identify } from "./answer-book.ts";
import { CallRun } from "./call-run.ts";
import { type CapabilityRegister, createCapabilityRegister } from "./capability-register.ts";
import { Commits } from "./commits.ts";
import type { CallAnswer, CallRequest, EngineStatus, Receipt } from "./engine.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { GuestRunner, type InvocationResult } from "./guest-runner.ts";
import { createGuestShelf, type GuestShelf, type LoadedCapability } from "./guest-shelf.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import type { EngineNews } from "./operations.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { NO_OUTSIDE, type Outside } from "./outside.ts";
import type { PackageFolder } from "./package-folder.ts";
import { createProgramCache, type ProgramCache } from "./program-cache.ts";
import { createReceiptBook, type ReceiptBook } from "./receipt-book.ts";
import { createTaskPlaces, type TaskPlaces, TaskRunner } from "./task-runner.ts";
import { type CallRecorder, createRecordingBook, type RecordingBook } from "./recording.ts";
import { createTimers, type Timers } from "./timers.ts";
import { tracePrefix } from "./trace.ts";
import { NO_QUEUE, type Turns } from "./turns.ts";

/** What an engine core is made of. It owns `store` from then on. */
export interface EngineParts {
  /** Id of the twin. */
  readonly twin: string;
  readonly store: SnapshotStateStore;
  readonly packages: PackageFolder;
  /** What its capabilities run, shared with other twins; programs of its own when absent. */
  readonly programs?: ProgramCache | undefined;
  readonly kernels: Pick<Kernels, "hash" | "keyedHash">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called when something that others may want to know has become durable. */
  readonly onNews: (news: EngineNews) => void;
  /** What its tasks reach; nothing when absent. */
  readonly outside?: Outside | undefined;
  /** Where its tasks wait, with those of other twins; places of its own when absent. */
  readonly places?: TaskPlaces | undefined;
  /** The queue that its guests' own work shares with requests; none when absent. */
  readonly turns?: Turns | undefined;
}

/** How a call went, before anything of it was committed. Its receipt is issued. */
interface Outcome {
  readonly run: CallRun;
  readonly receipt: Receipt;
  readonly result: InvocationResult | undefined;
  readonly error: TwinError | undefined;
}

/** What commits with a call besides its own effects and receipt. */
export interface Companions {
  /** With a command that succeeded. */
  succeeded?(answer: CallAnswer): StateWrite[];
  /** In place of the effects of a call that failed. */
  failed?(error: TwinError): StateWrite[];
}

/** The tables, guests and rules of one twin. */
export class EngineCore {
  readonly twin: string;
  readonly store: SnapshotStateStore;
  readonly clock: Clock;
  readonly packages: PackageFolder;
  readonly kernels: EngineParts["kernels"];
  readonly log: Log;
  readonly grants: GrantBook;
  readonly register: CapabilityRegister;
  readonly shelf: GuestShelf;
  readonly runner: GuestRunner;
  readonly receipts: ReceiptBook;
  readonly recordings: RecordingBook;
  readonly events: EventLog;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly timers: Timers;
  readonly tasks: TaskRunner;
  readonly #answers: AnswerBook;
  readonly #parts: EngineParts;
  /** What queries read: the last durable state. */
  readonly #snapshot: StateReads;
  readonly #commits: Commits;
  #onTimers: () => void = () => {};
  #closed = false;

  constructor(parts: EngineParts) {
    const { twin, store, packages, kernels, clock, random, log } = parts;
    this.#parts = parts;
    this.twin = twin;
    this.store = store;
    this.clock = clock;
    this.packages = packages;
    this.kernels = kernels;
    this.log = log;
    this.grants = createGrantBook(store, random);
    this.register = createCapabilityRegister(store);
    this.shelf = createGuestShelf(packages, parts.programs ?? createProgramCache());
    this.receipts = createReceiptBook(store, tracePrefix(twin, kernels));
    this.recordings = createRecordingBook(store, kernels);
    this.events = createEventLog(store);
    this.outbox = createOutbox(store);
    this.inbox = createInbox(store);
    this.timers = createTimers(store);
    this.#answers = createAnswerBook(store, kernels);
    const { durable } = store;
    this.#snapshot = {
      get: (at) => durable.get(at),
      scan: (range) => durable.scan(range),
      sizeBytes: (namespace) => store.sizeBytes(namespace),
    };
    const drain = (): StateWrite[] => [...this.receipts.drain(), ...this.recordings.drain(), ...this.outbox.drain()];
    const turns = parts.turns ?? NO_QUEUE;
    this.#commits = new Commits({ store, clock, log, drain, turns, onFailure: () => this.#recover() });
    this.runner = new GuestRunner({
      twin,
      register: this.register,
      shelf: this.shelf,
      log,
      outboxRoom: () => LIMITS.engine.outboxLength - this.outbox.length(),
      timers: {
        room: () => LIMITS.engine.timerCount - this.timers.count(),
        has: (capability, id) => this.timers.has(capability, id),
      },
    });
    this.tasks = new TaskRunner({
      runner: this.runner,
      places: parts.places ?? createTaskPlaces(clock),
      turns,
      outside: parts.outside ?? NO_OUTSIDE,
      complete: (admitted) => this.complete(admitted, {}),
    });
  }

  /** Runs a call. `queueMs` is how long it has waited already: that counts against its deadline. A task ends when the signal that `signal` makes aborts. */
  async call(request: CallRequest, queueMs: number, signal?: () => AbortSignal): Promise<CallAnswer> {
    const admitted = this.admit(request, queueMs);
    const identified = admitted.method.kind === "query" ? undefined : identify(request);
    const recorded = identified === undefined ? undefined : this.#answers.find(identified);
    if (recorded !== undefined) return this.whenDurable(() => recorded);
    const record = (answer: CallAnswer): StateWrite[] =>
      identified === undefined ? [] : this.#answers.record(identified, answer);
    if (admitted.method.kind === "task") {
      const answer = await this.runTask(admitted, signal?.());
      if (identified !== undefined) await this.commit(record(answer));
      return answer;
    }
    const { answer, error } = await this.complete(admitted, { succeeded: record });
    if (error !== undefined) throw error;
    return answer;
  }

  /** Decides a call and finds its method. Throws `TWIN_CALL_DENIED` or `TWIN_CALL_UNKNOWN`, in that order: who may not call learns nothing. */
  admit(request: CallRequest, queueMs: number): AdmittedCall {
    const { holder, method } = request;
    // A timer means the very capability that set it.
    const resolved = holder.kind === "timer" ? undefined : this.register.resolve(request.capability);
    const capability = resolved?.name ?? request.capability;
    const decision = decide(this.grants.list(), { holder, capability, method, nowMs: this.clock.nowMs() });
    if (!decision.allowed) {
      throw new TwinError("TWIN_CALL_DENIED", `${decision.reason} The owner can grant it.`, { capability, method });
    }
    const named = capability === request.capability ? request : { ...request, capability };
    return { request: named, ...this.runner.find(capability, method), grantId: decision.grantId, queueMs };
  }

  /** Runs an admitted task to its end. What it changed was durable before. Rejects as the task does. */
  async runTask(admitted: AdmittedCall, signal?: AbortSignal): Promise<CallAnswer> {
    const { fuel, timeoutMs } = budgetOf(admitted);
    const run = this.createRun(timeoutMs - admitted.queueMs, "task", admitted.request.trace);
    const recorder = this.recordings.recorderFor(admitted.loaded.record.name);
    let [result, error]: [InvocationResult | undefined, TwinError | undefined] = [undefined, undefined];
    try {
      run.checkDeadline();
      const taskTimeoutMs = timeoutMs - admitted.queueMs;
      result = await this.tasks.run({ admitted, run, fuel, timeoutMs: taskTimeoutMs, signal, recorder });
    } catch (thrown) {
      error = this.#failureOf(thrown, run);
    }
    const receipt = this.receipts.issue(describeCall({ admitted, run, result, error }), "query");
    this.#keepRecording(recorder, receipt);
    this.#commits.flushLater();
    this.#tell({ receipts: [receipt] });
    if (result === undefined) throw withReceipt(error!, receipt);
    return { payload: result.payload, receipt };
  }

  /**
   * Runs an admitted query or command at once and resolves when all that it saw and did is durable. Rejects only
   * when the commit fails: then neither the call nor its companions took effect.
   */
  async complete(admitted: AdmittedCall, companions: Companions): Promise<Completion> {
    const { run, receipt, result, error } = this.#execute(admitted);
    if (result === undefined) {
      const writes = companions.failed?.(error!) ?? [];
      if (writes.length > 0) await this.commit(writes);
      else {
        this.#commits.flushLater();
        // What it tells of may be what it has read, and a query reads what is durable.
        if (admitted.method.kind === "command") await this.#commits.settled();
      }
      this.#tell({ receipts: [receipt] });
      return { error: withReceipt(error!, receipt) };
    }
    const answer: CallAnswer = { payload: result.payload, receipt };
    if (admitted.method.kind === "query") {
      this.#commits.flushLater();
      this.#tell({ receipts: [receipt] });
      return { answer };
    }
    const { events, writes } = this.events.append(run.events);
    const sent = this.outbox.append(run.sends, run.atMs);
    const others = companions.succeeded?.(answer) ?? [];
    const timers = this.timers.append(run.timers);
    await this.commit([...run.writes.writes(), ...sent, ...writes, ...timers, ...others]);
    if (timers.length > 0) this.#onTimers();
    const outboxPeers = [...new Set(run.sends.map(({ peer }) => peer))];
    this.#tell({ outboxPeers, events, receipts: [receipt] });
    return { answer };
  }

  /** Tells for whom messages wait that an earlier life has left. */
  tellWaiting(): void {
    const outboxPeers = [...this.outbox.peers().keys()];
    if (outboxPeers.length > 0) this.#tell({ outboxPeers });
  }

  /** Commits `writes`, and with them the receipts that wait. Resolves when they are durable. */
  commit(writes: readonly StateWrite[]): Promise<void> {
    return this.#commits.commit(writes);
  }

  /** Calls `listener` when timers have become durable. One at a time. */
  listenTimers(listener: () => void): void {
    this.#onTimers = listener;
  }

  /** Commits the receipts that wait for something to commit with. */
  flush(): Promise<void> {
    return this.#commits.flush();
  }

  /** The result of `act`, which is asked at once, as soon as all that it may rest on is durable. */
  async whenDurable<Result>(act: () => Result): Promise<Result> {
    const result = act();
    await this.#commits.settled();
    return result;
  }

  /** A run of its own, outside of a call. */
  createRun(timeoutMs: number, kind: Method["kind"] = "command", trace?: string): CallRun {
    const isQuery = kind === "query";
    const { clock, random, kernels } = this.#parts;
    const store = isQuery ? this.#snapshot : this.store;
    return new CallRun({ store, clock, random, kernels }, { timeoutMs, isQuery, trace });
  }

  status(): EngineStatus {
    const { calls, errors, fuel } = this.receipts.totals();
    return {
      calls,
      errors,
      fuel,
      outbox: this.outbox.length(),
      parked: this.outbox.parkedCount(),
      timers: this.timers.count(),
      tasks: this.tasks.count,
      guests: this.shelf.count() + this.tasks.count,
      guestMemorySizeBytes: this.shelf.memorySizeBytes() + this.tasks.memorySizeBytes,
      lastEventSequence: this.events.lastSequence(),
    };
  }

  /** Whether everything that was committed is durable, and no task waits. */
  get isQuiet(): boolean {
    return this.#commits.areDurable && this.tasks.count === 0;
  }

  /** Nothing is asked of it any more, and its store is closed by somebody else. */
  retire(): void {
    this.#closed = true;
    this.#commits.stop();
  }

  /** Writes what waits and closes the store, also when the disk does not take it: rejects then. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.tasks.stop();
    this.retire();
    try {
      await this.flush();
    } finally {
      await this.store[Symbol.asyncDispose]();
    }
  }

  #execute(admitted: AdmittedCall): Outcome {
    const { request, loaded, method, queueMs } = admitted;
    // Guests of commands may remember what is not durable yet: queries have guests of their own.
    const guests = method.kind === "query" ? this.shelf.readerOf(loaded) : loaded;
    const { fuel, timeoutMs } = budgetOf(admitted);
    const run = this.createRun(timeoutMs - queueMs, method.kind, request.trace);
    const recorder = this.#startRecording(guests);
    let result: InvocationResult | undefined;
    let error: TwinError | undefined;
    try {
      run.checkDeadline();
      const { holder: caller, payload } = request;
      result = this.runner.invoke(run, { loaded: guests, caller, method: request.method, payload, fuel });
    } catch (thrown) {
      error = this.#failureOf(thrown, run);
      this.#dropGuests(run);
    }
    if (recorder !== undefined) this.#endRecording(guests);
    this.shelf.trim();
    const kind = result !== undefined && method.kind === "command" ? "command" : "query";
    const receipt = this.receipts.issue(describeCall({ admitted, run, result, error }), kind);
    this.#keepRecording(recorder, receipt);
    return { run, receipt, result, error };
  }

  /** A recorded call needs a guest that remembers nothing. */
  #startRecording(guests: LoadedCapability): CallRecorder | undefined {
    const recorder = this.recordings.recorderFor(guests.record.name);
    if (recorder === undefined) return undefined;
    this.shelf.drop(guests);
    guests.recorder = recorder;
    return recorder;
  }

  #endRecording(guests: LoadedCapability): void {
    guests.recorder = undefined;
    // What its guest calls is on a tape that has ended.
    this.shelf.drop(guests);
  }

  #keepRecording(recorder: CallRecorder | undefined, receipt: Receipt): void {
    const recording = recorder?.recordingOf(receipt);
    if (recording !== undefined) this.recordings.keep(recording);
  }

  #failureOf(thrown: unknown, run: CallRun): TwinError {
    const error = toTwinError(thrown);
    if (error.code === "TWIN_HOST_INTERNAL") {
      const { id: trace, span } = run.trace;
      this.#parts.log.error({ err: thrown, trace, span }, "A call met an error of the host.");
    }
    return error;
  }

  #tell(news: Partial<EngineNews>): void {
    this.#parts.onNews({ outboxPeers: [], events: [], receipts: [], ...news });
  }

  #dropGuests({ participants }: CallRun): void {
    for (const loaded of participants) this.shelf.drop(loaded);
  }

  /** After a commit that failed: what is in memory has run ahead of what is on disk. */
  #recover(): void {
    for (const book of [
      this.grants,
      this.register,
      this.receipts,
      this.recordings,
      this.events,
      this.outbox,
      this.inbox,
      this.timers,
      this.#answers,
    ])
      book.reload();
    this.shelf.dropAll();
  }
}
