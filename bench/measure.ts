// Measures contenders interleaved, round by round, in one process: what disturbs the machine for a
// while disturbs all of them. Built on tinybench, which takes each slice's samples.

import { Bench } from "tinybench";
import { caseFacts, type SuiteName, UNITS } from "./case-table.ts";

/** What a figure is of: the language it is written in decides what it is compared with. */
type ContenderKind = "js" | "wasm" | "native";

interface ContenderFacts {
  readonly name: string;
  readonly kind: ContenderKind;
  readonly version: string;
}

/** Work that is repeated as often as a slice of time allows. */
export interface RepeatedContender extends ContenderFacts {
  /** Does the work once. Its result must depend on the work, so that nothing is optimised away. */
  readonly run: () => unknown;
  /** True when `run` returns a promise that has to be awaited. */
  readonly async?: boolean;
  /** How often one `run` does the work; default once. */
  readonly count?: number;
  /** Puts back what `run` used up, before each run and outside of what is timed. For runs of 10 us and more. */
  readonly restore?: () => void;
}

/** Work that measures itself, because it is concurrent, lasts longer than a slice, or is no time at all. */
export interface SampledContender extends ContenderFacts {
  /** One round: answers a sample as the case's unit takes it, mostly seconds for one run. `sliceMs` is about how long to take. */
  readonly sample: (sliceMs: number) => number | Promise<number>;
}

/** One way to do a case's work. All contenders of a case get the same bytes. */
export type Contender = RepeatedContender | SampledContender;

/** One row of the table: ours first, then the others. */
export interface Case {
  readonly suite: SuiteName;
  readonly name: string;
  /** What the row calls its size. */
  readonly sizeBytes?: number | undefined;
  /** What one run works on, when that is not `sizeBytes`. */
  readonly workBytes?: number | undefined;
  readonly ours: Contender;
  readonly others: readonly Contender[];
  /** At most so many rounds, where one takes long. */
  readonly roundsMax?: number | undefined;
}

/** Figures of one contender, in the case's unit. */
export interface Figures extends ContenderFacts {
  /** Over the rounds' medians. */
  readonly median: number;
  readonly best: number;
  /** Half the distance between the quartiles of the rounds, relative to the median. */
  readonly spread: number;
}

/** Figures of a case: the others in the case's order. */
export interface CaseFigures {
  readonly ours: Figures;
  readonly others: readonly Figures[];
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly sliceMs: number;
  readonly warmupMs: number;
}

/** For a table to rely on. */
export const FULL: Effort = { rounds: 25, sliceMs: 40, warmupMs: 400 };
/** For all suites in a minute. */
export const QUICK: Effort = { rounds: 5, sliceMs: 6, warmupMs: 30 };

/** One sample lasts at least this long, so that the timer's resolution does not matter. */
const SAMPLE_MS = 0.25;
/** Runs of an unknown speed before it is judged. */
const PROBES_MAX = 100;

interface Track {
  readonly contender: Contender;
  /** One round: a sample. */
  readonly sample: () => Promise<number>;
  readonly samples: number[];
}

/** Runs a case. Contenders that fail make it fail: a figure of half the field would mislead. */
export async function measureCase(subject: Case, effort: Effort): Promise<CaseFigures> {
  const tracks: Track[] = [];
  for (const contender of [subject.ours, ...subject.others]) {
    tracks.push({ contender, sample: await prepare(contender, effort), samples: [] });
  }
  const rounds = Math.min(effort.rounds, subject.roundsMax ?? effort.rounds);
  for (let round = 0; round < rounds; round++) {
    // Another one begins in each round: none always runs behind the same neighbour.
    for (let turn = 0; turn < tracks.length; turn++) {
      const track = tracks[(round + turn) % tracks.length]!;
      track.samples.push(await track.sample());
    }
  }
  const [ours, ...others] = tracks.map(({ contender, samples }) => figuresOf(contender, samples, subject));
  return { ours: ours!, others };
}

/** The figures of one contender's rounds. */
export function figuresOf({ name, kind, version }: ContenderFacts, samples: readonly number[], subject: Case): Figures {
  const unit = UNITS[caseFacts(subject.suite, subject.name).unit];
  const bytes = subject.workBytes ?? subject.sizeBytes ?? 0;
  const values = samples.map((sample) => unit.of(sample, bytes)).toSorted((left, right) => left - right);
  const median = quantile(values, 0.5);
  const best = unit.higherIsBetter ? Math.max(...values) : Math.min(...values);
  const spread = (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median;
  return { name, kind, version, median, best, spread };
}

/** The value below which `part` of the ascending `values` are, between neighbours by their distance. */
export function quantile(values: readonly number[], part: number): number {
  const place = (values.length - 1) * part;
  const [low, high] = [values[Math.floor(place)]!, values[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}

async function prepare(contender: Contender, effort: Effort): Promise<() => Promise<number>> {
  if ("sample" in contender) {
    await contender.sample(effort.warmupMs);
    return async () => contender.sample(effort.sliceMs);
  }
  const work = batched(contender, await warmUp(contender, effort));
  const { count = 1 } = contender;
  return async () => (await sampleSlice(contender, work, effort.sliceMs)) / count;
}

/** Runs until warm (V8's optimising tier) and returns how many runs make a sample. */
async function warmUp(contender: RepeatedContender, { warmupMs }: Effort): Promise<number> {
  const started = performance.now();
  let runs = 0;
  while (performance.now() - started < warmupMs || runs < 2) {
    contender.restore?.();
    await contender.run();
    runs++;
  }
  const probes = Math.max(1, Math.min(runs, PROBES_MAX));
  const spentMs = await repeatAny(contender, probes);
  return Math.max(1, Math.ceil((SAMPLE_MS * probes) / Math.max(spentMs, 1e-6)));
}

async function sampleSlice(contender: RepeatedContender, work: () => unknown, sliceMs: number): Promise<number> {
  const bench = new Bench({ time: sliceMs, iterations: 2, warmup: false, throws: true });
  bench.add(contender.name, work, { async: contender.async ?? false });
  await bench.run();
  const result = bench.tasks[0]!.result;
  if (!("latency" in result)) throw new Error(`${contender.name} gave no figures: ${result.state}`);
  return result.latency.p50 / 1_000;
}

function batched(contender: RepeatedContender, batch: number): () => unknown {
  const durations = (spentMs: number): object => ({
    overriddenDuration: spentMs / batch,
    overriddenIterationCost: spentMs,
  });
  if (contender.async) return async () => durations(await repeatAsync(contender.run, batch));
  return () => durations(repeatSync(contender, batch));
}

/** Milliseconds that `count` runs took. */
function repeatAny(contender: RepeatedContender, count: number): number | Promise<number> {
  return contender.async ? repeatAsync(contender.run, count) : repeatSync(contender, count);
}

function repeatSync({ run, restore }: RepeatedContender, count: number): number {
  return restore === undefined ? repeat(run, count) : repeatRestored(run, restore, count);
}

/** What the last run returned: V8 must believe that somebody looks. */
const sink: { last: unknown } = { last: undefined };

function repeat(run: () => unknown, count: number): number {
  const started = performance.now();
  for (let index = 0; index < count; index++) sink.last = run();
  return performance.now() - started;
}

function repeatRestored(run: () => unknown, restore: () => void, count: number): number {
  let spentMs = 0;
  for (let index = 0; index < count; index++) {
    restore();
    const started = performance.now();
    sink.last = run();
    spentMs += performance.now() - started;
  }
  return spentMs;
}

async function repeatAsync(run: () => unknown, count: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) sink.last = await run();
  return performance.now() - started;
}
