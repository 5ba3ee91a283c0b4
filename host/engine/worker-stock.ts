// Threads for engine workers. One stands ready with all its code loaded and the twins' programs compiled, for the place
// of one that dies: that takes a tenth of a second and more, in which no twin would answer.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { KnownProgram, Rehearsal } from "./worker-messages.ts";

/** What a stock needs. */
export interface WorkerStockParts {
  /** The workers' file; default `engine-worker`. */
  readonly entry?: URL | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts threads. Disposing ends the one that nobody took. */
export class WorkerStock implements AsyncDisposable {
  readonly #parts: WorkerStockParts;
  readonly #stop = new AbortController();
  /** By hash; the last one that was compiled somewhere is at the end. */
  readonly #programs = new Map<string, KnownProgram>();
  #spare: Worker | undefined;
  #isPreparing = false;

  constructor(parts: WorkerStockParts) {
    this.#parts = parts;
  }

  /** A thread that waits for its `EngineWorkerData`: the one that stands ready, else a new one. It is the caller's. Throws `TWIN_ENGINE_RESTARTED` when the system gives no thread. */
  take(): Worker {
    try {
      const worker = this.#spare ?? this.#start();
      this.#spare = undefined;
      return worker;
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new TwinError(
        "TWIN_ENGINE_RESTARTED",
        `The engine has no thread to run in (${reason}). Nothing has begun: repeat the call a little later.`,
        {},
        thrown,
      );
    }
  }

  /** A program that twins run: who stands ready compiles it too, as the first call after a death would wait for that. */
  know({ hash, packageFolder }: KnownProgram): void {
    this.#programs.delete(hash);
    this.#programs.set(hash, { hash, packageFolder });
    if (this.#programs.size > LIMITS.engine.programCount) this.#programs.delete(this.#programs.keys().next().value!);
    this.#rehearse([{ hash, packageFolder }]);
  }

  /** Has one stand ready soon; not at once, as who has just started has other things to do. */
  prepare(): void {
    if (this.#isPreparing || this.#spare !== undefined) return;
    this.#isPreparing = true;
    // Rejects when the stock is closed.
    this.#prepareLater().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#spare?.terminate();
  }

  async #prepareLater(): Promise<void> {
    await this.#parts.clock.sleep(LIMITS.engine.spareDelayMs, { signal: this.#stop.signal });
    this.#isPreparing = false;
    if (this.#stop.signal.aborted) return;
    const worker = this.#start();
    this.#spare = worker;
    this.#rehearse([...this.#programs.values()]);
    // One that cannot even wait is no use.
    worker.once("exit", () => {
      if (this.#spare === worker) this.#spare = undefined;
    });
  }

  #rehearse(programs: readonly KnownProgram[]): void {
    const rehearsal: Rehearsal = { programs };
    if (programs.length > 0) this.#spare?.postMessage(rehearsal);
  }

  #start(): Worker {
    // Run from a clone the file is TypeScript, from the package JavaScript.
    const entry = this.#parts.entry ?? new URL(`./engine-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { name: "engine" });
    worker.on("error", (error) => this.#parts.log.error({ err: error }, "The engine worker failed."));
    return worker;
  }
}
