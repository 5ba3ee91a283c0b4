// The host's end of the chain worker: starts it when somebody asks, ends it when nobody has asked for long,
// kills it when it is silent, and then waits before it starts another. The chain may hang, lie or flood:
// the cost is that of a question without an answer.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { ChainQuestions, ChainReply, ChainWorkerData } from "./chain-messages.ts";

/** What a link is made of. */
export interface ChainLinkParts {
  /** A node of the chain. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The worker's file; default `chain-worker`. */
  readonly entry?: URL | undefined;
}

/** Questions to a chain. Disposing it ends the worker. */
export interface ChainLink extends AsyncDisposable {
  /**
   * Throws `TWIN_CHAIN_FAILED` when the node does not answer, or has not for a moment; `TWIN_CHAIN_REFUSED`
   * when the chain will not do it. An abort ends the waiting alone.
   */
  ask<Kind extends keyof ChainQuestions>(
    kind: Kind,
    ask: ChainQuestions[Kind]["ask"],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ChainQuestions[Kind]["answer"]>;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

interface RunningWorker {
  readonly thread: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** A link to the node at `parts.url`. Nothing is started before the first question. */
export function createChainLink(parts: ChainLinkParts): ChainLink {
  return new OpenChainLink(parts);
}

class OpenChainLink implements ChainLink {
  readonly #parts: ChainLinkParts;
  readonly #stop = new AbortController();
  #worker: RunningWorker | undefined;
  #lastId = 0;
  #failures = 0;
  #restMs = 0;
  #restsSinceMs = 0;
  #idle = new AbortController();

  constructor(parts: ChainLinkParts) {
    this.#parts = parts;
  }

  async ask<Kind extends keyof ChainQuestions>(
    kind: Kind,
    ask: ChainQuestions[Kind]["ask"],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ChainQuestions[Kind]["answer"]> {
    signal?.throwIfAborted();
    const worker = this.#running();
    if (worker.waiting.size >= LIMITS.phonebook.chainQuestionsInFlight)
      throw failed("too much is being asked of it already");
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.waiting.set(id, { resolve, reject });
    this.#idle.abort();
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const answered = new AbortController();
    void this.#watch(worker, kind, answered.signal);
    worker.thread.postMessage({ id, kind, ...ask });
    try {
      return (await promise) as ChainQuestions[Kind]["answer"];
    } finally {
      answered.abort();
      signal?.removeEventListener("abort", onAbort);
      worker.waiting.delete(id);
      if (worker.waiting.size === 0) void this.#endWhenIdle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const { thread } = this.#worker ?? {};
    this.#end(this.#worker, failed("the host is stopping"));
    await thread?.terminate();
  }

  #running(): RunningWorker {
    if (this.#stop.signal.aborted) throw failed("the host is stopping");
    if (this.#worker !== undefined) return this.#worker;
    const restMs = this.#restMs - (this.#parts.clock.elapsedMs() - this.#restsSinceMs);
    if (restMs > 0) throw failed(`it has failed; it is asked again in ${Math.ceil(restMs / 1_000)} s`);
    this.#worker = this.#start();
    return this.#worker;
  }

  #start(): RunningWorker {
    const limits = LIMITS.phonebook;
    const data: ChainWorkerData = {
      url: this.#parts.url,
      requestTimeoutMs: limits.chainReadTimeoutMs,
      messageSizeBytes: limits.chainMessageSizeBytes,
      trafficSizeBytes: limits.chainTrafficSizeBytes,
    };
    // Run from a clone the file is TypeScript, from the package JavaScript.
    const entry = this.#parts.entry ?? new URL(`./chain-worker${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(entry, {
      name: "chain",
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: limits.chainHeapSizeMib },
      // Its library writes to the console; the host's belongs to its owner.
      stdout: true,
      stderr: true,
    });
    thread.stdout.resume();
    thread.stderr.resume();
    thread.unref();
    const worker: RunningWorker = { thread, waiting: new Map() };
    thread.on("message", (reply: ChainReply) => this.#onReply(worker, reply));
    thread.on("error", (error: Error) => this.#fail(worker, error.message));
    thread.on("exit", () => this.#fail(worker, "it hung up"));
    return worker;
  }

  #onReply(worker: RunningWorker, reply: ChainReply): void {
    const waiting = worker.waiting.get(reply.id);
    if ("answer" in reply) {
      this.#failures = 0;
      return waiting?.resolve(reply.answer);
    }
    const { code, message } = reply.error;
    const isRefusal = code === "TWIN_CHAIN_REFUSED";
    waiting?.reject(new TwinError(isRefusal ? code : "TWIN_CHAIN_FAILED", message));
    if (!isRefusal) this.#fail(worker, message);
  }

  /** Kills a worker that does not answer in time: it may be stuck for ever. */
  async #watch(worker: RunningWorker, kind: keyof ChainQuestions, answered: AbortSignal): Promise<void> {
    const { chainFinalityTimeoutMs, chainReadTimeoutMs } = LIMITS.phonebook;
    const timeoutMs = kind === "submit" ? chainFinalityTimeoutMs : chainReadTimeoutMs;
    try {
      await this.#parts.clock.sleep(timeoutMs, { signal: answered });
    } catch {
      return;
    }
    this.#fail(worker, "it is silent");
  }

  #fail(worker: RunningWorker, why: string): void {
    if (this.#worker !== worker) return;
    this.#parts.log.info({ why }, "The chain's node does not answer.");
    this.#restMs = Math.min(LIMITS.phonebook.chainRestMs * 2 ** this.#failures, LIMITS.phonebook.chainRestMaxMs);
    this.#restsSinceMs = this.#parts.clock.elapsedMs();
    this.#failures += 1;
    this.#end(worker, failed(why));
  }

  #end(worker: RunningWorker | undefined, reason: TwinError): void {
    if (worker === undefined) return;
    if (this.#worker === worker) this.#worker = undefined;
    for (const { reject } of worker.waiting.values()) reject(reason);
    worker.waiting.clear();
    void worker.thread.terminate();
  }

  async #endWhenIdle(): Promise<void> {
    const worker = this.#worker;
    this.#idle = new AbortController();
    try {
      const signal = AbortSignal.any([this.#idle.signal, this.#stop.signal]);
      await this.#parts.clock.sleep(LIMITS.phonebook.chainIdleMs, { signal });
    } catch {
      return;
    }
    // Somebody may have asked since the time was up.
    if (worker?.waiting.size === 0) this.#end(worker, failed("nobody asks it any more"));
  }
}

function failed(why: string): TwinError {
  return new TwinError("TWIN_CHAIN_FAILED", `The chain's node cannot be asked: ${why}.`);
}
