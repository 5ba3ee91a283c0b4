// Runs tasks: each in a guest of its own, which stands still while it waits for the outside. A task has
// no transaction; what it changes, it changes by calls that commit alone.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { callerName } from "../grants/decide.ts";
import { instantiate } from "../sandbox/guest.ts";
import { ProcessTally } from "../sandbox/process-tally.ts";
import type { WaitingGuest } from "../sandbox/sandbox.ts";
import { WaitingRoom } from "../sandbox/waiting-room.ts";
import type { CallRun } from "./call-run.ts";
import type { AdmittedCall, Completion } from "./admitted-call.ts";
import type { NestedCall } from "./guest-frame.ts";
import {
  checkedParams,
  checkResult,
  deniedCall,
  type GuestRunner,
  type Invocation,
  type InvocationResult,
  mayCall,
  undeclaredCall,
} from "./guest-runner.ts";
import { createHostImplementation } from "./host-functions.ts";
import type { Outside } from "./outside.ts";
import { type CallRecorder, endOfFailure } from "./recording.ts";
import { createTaskImplementation, type TaskFrame } from "./task-functions.ts";
import { formatTraceparent } from "./trace.ts";
import type { Turns } from "./turns.ts";

const PAGE_SIZE = 65_536;

/** Where the tasks of all twins of one worker wait, and what they hold together. */
export interface TaskPlaces {
  readonly room: WaitingRoom;
  readonly tally: ProcessTally;
}

/** The places of one worker. */
export function createTaskPlaces(clock: Clock): TaskPlaces {
  const { workerTaskCount, taskMemorySizeBytes } = LIMITS.engine;
  const limits = {
    stacks: workerTaskCount,
    instances: workerTaskCount,
    memoryPages: taskMemorySizeBytes / PAGE_SIZE,
  };
  const tally = new ProcessTally(undefined, 0, limits);
  return { room: new WaitingRoom({ clock, tally }), tally };
}

/** What a runner of tasks is made of. */
export interface TaskRunnerParts {
  readonly runner: Pick<GuestRunner, "find" | "findFor" | "frameOf">;
  readonly places: TaskPlaces;
  readonly turns: Turns;
  readonly outside: Outside;
  /** Runs a call in a transaction of its own. */
  complete(admitted: AdmittedCall): Promise<Completion>;
}

/** A task to run. */
export interface TaskCall {
  readonly admitted: AdmittedCall;
  readonly run: CallRun;
  readonly fuel: number;
  readonly timeoutMs: number;
  /** Aborts when its caller has gone. */
  readonly signal: AbortSignal | undefined;
  /** If it is recorded. */
  readonly recorder: CallRecorder | undefined;
}

/** Runs the tasks of one twin. */
export class TaskRunner {
  readonly #parts: TaskRunnerParts;
  readonly #guests = new Set<WaitingGuest>();
  /** Running ones by caller. */
  readonly #callers = new Map<string, number>();
  readonly #ended = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();

  constructor(parts: TaskRunnerParts) {
    this.#parts = parts;
  }

  /** Tasks that run or wait. */
  get count(): number {
    return this.#ended.size;
  }

  /** Of the guests of all tasks, in bytes. */
  get memorySizeBytes(): number {
    return [...this.#guests].reduce((size, guest) => size + guest.memorySizeBytes, 0);
  }

  /**
   * Runs a task to its end. Rejects with `TWIN_CALL_QUEUE` when too many run, with `TWIN_ABORTED` when
   * its caller has gone, with `TWIN_GUEST_*` when the guest or its time ends it, and with the error of a call that it made.
   */
  async run(call: TaskCall): Promise<InvocationResult> {
    const caller = callerName(call.admitted.request.holder);
    this.#enter(caller);
    const running = this.#run(call);
    const ended = running.catch(() => undefined);
    this.#ended.add(ended);
    try {
      return await running;
    } finally {
      this.#ended.delete(ended);
      this.#leave(caller);
    }
  }

  /** Gives all tasks up. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  /** Resolves when no task runs or waits. */
  async settled(): Promise<void> {
    while (this.#ended.size > 0) await Promise.all(this.#ended);
  }

  async #run(call: TaskCall): Promise<InvocationResult> {
    const { admitted, run, fuel } = call;
    const { request, loaded } = admitted;
    const { holder: caller, method, payload } = request;
    const invocation: Invocation = { loaded, method, caller, payload, fuel };
    const params = checkedParams(payload, loaded.methodChecks.get(method)!.params, invocation);
    const { recorder } = call;
    recorder?.begin({ payload: params, fuelMax: fuel, meterVersion: loaded.compiled.admitted.meterVersion });
    const guest = this.#start(call, invocation);
    const startFuel = guest.usage.fuel;
    this.#guests.add(guest);
    try {
      const answer = await guest.callWaiting(method, params, {
        fuel: Math.max(0, fuel - startFuel),
        timeoutMs: Math.max(0, call.timeoutMs - run.elapsedMs()),
      });
      const used = { fuel: startFuel + guest.usage.fuel, memorySizeBytes: guest.memorySizeBytes };
      recorder?.end({ answer: answer.payload, ...used });
      run.checkDeadline();
      checkResult(answer.payload, loaded.methodChecks.get(method)!.result, invocation);
      return { payload: answer.payload, ...used, fuel: used.fuel - run.delegatedFuel };
    } catch (thrown) {
      recorder?.end(endOfFailure(thrown, startFuel));
      run.strayFuel += startFuel + guest.usage.fuel - run.delegatedFuel;
      run.memorySizeBytes = guest.memorySizeBytes;
      throw thrown;
    } finally {
      run.countHostCalls(guest.usage.hostCalls);
      this.#guests.delete(guest);
      guest.drop();
    }
  }

  /** A fresh guest: what a task has in its memory is nobody else's. */
  #start({ admitted, run, fuel, signal, recorder }: TaskCall, invocation: Invocation): WaitingGuest {
    const { places, runner } = this.#parts;
    const { loaded } = admitted;
    const frame = this.#frameOf({ admitted, run, signal }, invocation);
    let current = runner.frameOf(run, invocation, "init");
    const implementation = createHostImplementation(loaded.compiled.admitted.imports, () => current);
    const waiting = createTaskImplementation(frame);
    try {
      const guest = instantiate(loaded.compiled, {
        implementation: recorder?.tape.record(implementation) ?? implementation,
        waiting: { implementation: recorder?.tape.recordWaiting(waiting) ?? waiting, room: places.room },
        limits: { callDepth: LIMITS.sandbox.callDepth },
        budget: { fuel },
        tally: places.tally,
      });
      current = frame;
      return guest;
    } catch (thrown) {
      if (thrown instanceof TwinError) run.strayFuel += Number(thrown.details["fuel"] ?? 0);
      recorder?.end(endOfFailure(thrown, 0));
      throw thrown;
    }
  }

  #frameOf(
    { admitted, run, signal }: Pick<TaskCall, "admitted" | "run" | "signal">,
    invocation: Invocation,
  ): TaskFrame {
    const { runner, outside, turns } = this.#parts;
    const { permissions } = admitted.loaded.record.manifest;
    const caller = callerName(admitted.request.holder);
    return {
      ...runner.frameOf(run, invocation, "task"),
      outside,
      places: permissions.flatMap(({ permission }) =>
        typeof permission === "object" && "http" in permission ? permission.http : [],
      ),
      signal: signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]),
      callAlone: (nested) => this.#callAlone(admitted, run, nested),
      turn: () => turns.resume(caller),
    };
  }

  async #callAlone(
    task: AdmittedCall,
    run: CallRun,
    nested: NestedCall,
  ): Promise<{ payload: Uint8Array; fuel: number }> {
    const { name, manifest } = task.loaded.record;
    const { capability, method, payload, fuel } = nested;
    const { runner } = this.#parts;
    const isOwn = capability === manifest.name;
    if (!isOwn && !mayCall(manifest.permissions, nested)) throw undeclaredCall(name, nested);
    const found = isOwn ? runner.find(name, method) : runner.findFor(task.loaded, nested);
    if (found.method.kind === "task") throw deniedCall("A task calls queries and commands, no other tasks.");
    const timeoutMs = Math.min(LIMITS.sandbox.callTimeoutMs, run.leftMs());
    const holder = { kind: "capability", name } as const;
    const trace = formatTraceparent(run.trace);
    const request = {
      holder,
      capability: found.loaded.record.name,
      method,
      payload,
      trace,
      budget: { fuel, timeoutMs },
    };
    const caller = callerName(task.request.holder);
    const { answer, error } = await this.#parts.turns.perform(caller, () =>
      this.#parts.complete({ request, ...found, grantId: undefined, queueMs: 0 }),
    );
    if (error !== undefined) throw error;
    return { payload: answer.payload, fuel: answer.receipt.fuel };
  }

  #enter(caller: string): void {
    const running = this.#callers.get(caller) ?? 0;
    if (this.#stop.signal.aborted) throw new TwinError("TWIN_ABORTED", "The engine is being closed.");
    const { tasksPerCaller, taskCount, workerTaskCount } = LIMITS.engine;
    const { room } = this.#parts.places;
    if (running >= tasksPerCaller || this.count >= taskCount || room.count >= workerTaskCount) {
      throw new TwinError("TWIN_CALL_QUEUE", "Too many tasks wait for the outside. Call again when some have ended.");
    }
    this.#callers.set(caller, running + 1);
  }

  #leave(caller: string): void {
    const running = this.#callers.get(caller)! - 1;
    if (running === 0) this.#callers.delete(caller);
    else this.#callers.set(caller, running);
  }
}
