// Many twins of one host: what one that sleeps costs, how long one takes to wake, and how long all of
// them are away when their worker dies. Measured in a process of their own.

import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TwinOptions } from "../../../host/engine/open-engines.ts";
import { testIdentity } from "../../../test/support/test-identity.ts";
import { type Case, quantile } from "../../measure.ts";
import type { SuiteContext } from "../../suite.ts";
import { openScratch } from "../../scratch.ts";

/** What the process with the twins does, and answers. */
export interface ManyTwinsAnswers {
  readonly prepare: number;
  /** Bytes. */
  readonly open: number;
  /** Share of a core. */
  readonly idle: number;
  /** Seconds. */
  readonly wake: number;
  /** Seconds. */
  readonly kill: { readonly one: number; readonly all: number };
}

/** The cases that are measured here. */
export const MANY_TWINS_CASES = ["memory-per-twin", "wake", "worker-death", "worker-death-all"] as const;

const TWIN_COUNT = { full: 1_000, quick: 100 } as const;
const WAKE_COUNT = { full: 200, quick: 40 } as const;
const WAKES_PER_ROUND = 4;
const ROUNDS_MAX = 5;
const PROCESS = new URL("./many-twins-process.ts", import.meta.url);

/** The twin of that number below `folder`, whose own folder is made. */
export function twinOf(folder: string, index: number): TwinOptions {
  const own = join(folder, `twin-${index}`);
  mkdirSync(own, { recursive: true });
  return { folder: own, twin: `${testIdentity(62).id}-${index}`, stateKey: new Uint8Array(32).fill(index & 0xff) };
}

/** Makes the twins and opens them; `stack` ends their process. */
export async function openManyTwinsCases(
  stack: AsyncDisposableStack,
  { facts, quick, wants }: Pick<SuiteContext, "facts" | "quick" | "wants">,
): Promise<Case[]> {
  const count = TWIN_COUNT[quick ? "quick" : "full"];
  const { folder } = stack.use(openScratch());
  await using maker = new TwinsProcess(folder, count);
  await maker.ask("prepare");
  const twins = stack.use(new TwinsProcess(folder, count));
  const bytes = await twins.ask("open");
  facts["host: hibernated twins"] = count;
  facts["host: idle CPU of these"] = `${((await twins.ask("idle")) * 100).toFixed(2)}% of a core`;
  const cases: Case[] = [];
  const ours = { name: "twin host", kind: "js", version: "ours" } as const;
  if (wants("memory-per-twin")) {
    const sample = (): number => bytes;
    cases.push({ suite: "host", name: "memory-per-twin", roundsMax: 1, ours: { ...ours, sample }, others: [] });
  }
  if (wants("wake")) {
    facts["host: 99th percentile of a wake"] = await slowWake(twins, WAKE_COUNT[quick ? "quick" : "full"]);
    const sample = (): Promise<number> => medianWake(twins, WAKES_PER_ROUND);
    cases.push({ suite: "host", name: "wake", ours: { ...ours, sample }, others: [] });
  }
  for (const [name, which] of [
    ["worker-death", "one"],
    ["worker-death-all", "all"],
  ] as const) {
    if (!wants(name)) continue;
    const sample = async (): Promise<number> => (await twins.ask("kill"))[which];
    cases.push({ suite: "host", name, roundsMax: ROUNDS_MAX, ours: { ...ours, sample }, others: [] });
  }
  return cases;
}

async function wakes(twins: TwinsProcess, count: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let index = 0; index < count; index++) seconds.push(await twins.ask("wake"));
  return seconds.toSorted((left, right) => left - right);
}

async function medianWake(twins: TwinsProcess, count: number): Promise<number> {
  return quantile(await wakes(twins, count), 0.5);
}

async function slowWake(twins: TwinsProcess, count: number): Promise<string> {
  return `${(quantile(await wakes(twins, count), 0.99) * 1_000).toFixed(1)} ms of ${count}`;
}

/** The process, asked one thing at a time. */
class TwinsProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(folder: string, count: number) {
    this.#child = fork(PROCESS, [folder, String(count)], {
      // The second is that of the host's own entry.
      execArgv: ["--expose-gc", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning"],
    });
  }

  ask<Name extends keyof ManyTwinsAnswers>(name: Name): Promise<ManyTwinsAnswers[Name]> {
    const { promise, resolve, reject } = Promise.withResolvers<ManyTwinsAnswers[Name]>();
    const ended = (): void => reject(new Error(`The process with the twins ended while it was asked to ${name}.`));
    this.#child.once("exit", ended);
    this.#child.once("message", (message: { readonly answer: ManyTwinsAnswers[Name] } | { readonly error: string }) => {
      this.#child.off("exit", ended);
      if ("error" in message) reject(new Error(message.error));
      else resolve(message.answer);
    });
    this.#child.send(name);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.disconnect();
    await gone;
  }
}
