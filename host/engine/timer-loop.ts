// Waits for the first timer that is due, fires it, and waits for the next one.

import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateWrite } from "../state/state-store.ts";
import type { EngineCore } from "./engine-core.ts";
import type { TimerDraft } from "./timers.ts";

/** Fires the timers of one twin for as long as it is open. */
export interface TimerLoop {
  /** To be called when timers were committed. */
  wake(): void;
  stop(): void;
}

/**
 * Starts the loop. `perform` runs a piece of work that runs guests, when it is its turn; what it
 * rejects with may pass, and the timer is tried again.
 */
export function startTimerLoop(core: EngineCore, perform: (work: () => Promise<void>) => Promise<void>): TimerLoop {
  const loop = new Loop(core, perform);
  core.listenTimers(() => loop.wake());
  loop.wake();
  return loop;
}

class Loop implements TimerLoop {
  readonly #core: EngineCore;
  readonly #perform: (work: () => Promise<void>) => Promise<void>;
  #sleep: AbortController | undefined;
  #busy = false;
  #stopped = false;
  #failures = 0;

  constructor(core: EngineCore, perform: (work: () => Promise<void>) => Promise<void>) {
    this.#core = core;
    this.#perform = perform;
  }

  wake(): void {
    this.#sleep?.abort();
    this.#sleep = undefined;
    if (this.#busy || this.#stopped) return;
    const dueAtMs = this.#core.timers.nextDueAtMs();
    if (dueAtMs === undefined) return;
    // The machine's clock may be set: look again now and then.
    const delayMs = Math.min(Math.max(0, dueAtMs - this.#core.clock.nowMs()), LIMITS.engine.timerLookMs);
    void this.#wakeAfter(Math.max(delayMs, this.#pauseMs()));
  }

  stop(): void {
    this.#stopped = true;
    this.#sleep?.abort();
  }

  async #wakeAfter(delayMs: number): Promise<void> {
    const sleep = new AbortController();
    this.#sleep = sleep;
    try {
      if (delayMs > 0) await this.#core.clock.sleep(delayMs, { signal: sleep.signal });
    } catch {
      // Woken, or stopped: whoever did that goes on.
      return;
    }
    if (this.#sleep !== sleep) return;
    this.#sleep = undefined;
    this.#busy = true;
    try {
      await this.#fireDue();
    } finally {
      this.#busy = false;
    }
    this.wake();
  }

  async #fireDue(): Promise<void> {
    const core = this.#core;
    for (const timer of core.timers.due(core.clock.nowMs(), LIMITS.engine.timersPerTurn)) {
      if (this.#stopped) return;
      try {
        await this.#perform(() => fireTimer(core, timer));
        this.#failures = 0;
      } catch (thrown) {
        this.#failures += 1;
        core.log.warn({ err: thrown, capability: timer.capability }, "A timer could not fire; it is tried again.");
        return;
      }
    }
  }

  /** How long to wait after failures that may pass. */
  #pauseMs(): number {
    if (this.#failures === 0) return 0;
    return Math.min(LIMITS.engine.timerRetryMs * 2 ** Math.min(this.#failures - 1, 16), LIMITS.engine.timerLookMs);
  }
}

/**
 * Runs the call of one timer. Its row goes with what the call did, or with why it never will: an
 * error that repeating cannot help is in the receipt. Rejects, without a trace, for what may pass.
 */
export async function fireTimer(core: EngineCore, timer: TimerDraft): Promise<void> {
  const { capability, method, payload, trace } = timer;
  // It may have been unscheduled since it was found to be due.
  if (!core.timers.has(capability, timer.id)) return;
  const gone = (): StateWrite[] => core.timers.remove(timer.id);
  const holder = { kind: "timer", name: capability } as const;
  try {
    const request = { holder, capability, method, payload: Uint8Array.from(payload), trace };
    const admitted = core.admit(request, 0);
    if (admitted.method.kind === "task") {
      // Nobody waits for it, and it has no commit that the row could go with: it runs at most once.
      await core.commit(gone());
      core.runTask(admitted).catch((thrown: unknown) => {
        core.log.warn({ capability, method, code: toTwinError(thrown).code }, "A task that a timer started failed.");
      });
      return;
    }
    const { error } = await core.complete(admitted, {
      succeeded: gone,
      failed: (failure) => (isFinal(failure) ? gone() : []),
    });
    if (error !== undefined && !isFinal(error)) throw error;
  } catch (thrown) {
    if (!(thrown instanceof TwinError) || thrown.code !== "TWIN_CALL_UNKNOWN") throw thrown;
    core.log.warn({ capability, method }, "A timer was dropped: what it calls is no longer there.");
    await core.commit(gone());
  }
}

/** Whether repeating cannot help. */
function isFinal(error: TwinError): boolean {
  return !error.retry && error.code !== "TWIN_HOST_INTERNAL";
}
