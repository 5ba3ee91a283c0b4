// Measures contenders interleaved, round by round, in one process: what disturbs the machine for a
// while disturbs all of them. Built on tinybench, which takes each slice's samples.

import { Bench } from "tinybench";

/** What a figure is of: the language it is written in decides what it is compared with. */
export type ContenderKind = "js" | "wasm" | "native";

/** One way to do a case's work. All contenders of a case get the same bytes. */
export interface Contender {
  readonly name: string;
  readonly kind: ContenderKind;
  readonly version: string;
  /** Does the work once. Its result must depend on the work, so that nothing is optimised away. */
  readonly run: () => unknown;
  /** True when `run` returns a promise that has to be awaited. */
  readonly async?: boolean;
}

/** One row of the table: ours first, then the others. */
export interface Case {
  readonly suite: string;
  readonly name: string;
  readonly sizeBytes?: number | undefined;
  readonly unit: string;
  readonly higherIsBetter: boolean;
  /** From seconds for one `run` to the unit. */
  readonly toUnit: (seconds: number) => number;
  readonly ours: Contender;
  readonly others: readonly Contender[];
}

/** Figures of one contender, in the case's unit. */
export interface Figures {
  readonly name: string;
  readonly kind: ContenderKind;
  readonly version: string;
  /** Over the rounds' medians. */
  readonly median: number;
  readonly best: number;
  /** Half the distance between the quartiles of the rounds, relative to the median. */
  readonly spread: number;
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
export const QUICK: Effort = { rounds: 7, sliceMs: 12, warmupMs: 60 };

/** One sample lasts at least this long, so that the timer's resolution does not matter. */
const SAMPLE_MS = 0.25;

interface Track {
  readonly contender: Contender;
  readonly batch: number;
  readonly secondsPerRound: number[];
}

/** Runs a case and returns the figures of ours and the others, in the case's order. */
export async function measureCase(subject: Case, effort: Effort): Promise<{ readonly ours: Figures; readonly others: readonly Figures[] }> {
  const tracks: Track[] = [];
  for (const contender of [subject.ours, ...subject.others]) {
    tracks.push({ contender, batch: await warmUp(contender, effort), secondsPerRound: [] });
  }
  for (let round = 0; round < effort.rounds; round++) {
    // Another one begins in each round: none always runs behind the same neighbour.
    for (let turn = 0; turn < tracks.length; turn++) {
      const track = tracks[(round + turn) % tracks.length]!;
      track.secondsPerRound.push(await sampleRound(track, effort.sliceMs));
    }
  }
  const [ours, ...others] = tracks.map((track) => figuresOf(track, subject));
  return { ours: ours!, others };
}

/** Runs until warm (V8's optimising tier) and returns how many runs make a sample. */
async function warmUp(contender: Contender, effort: Effort): Promise<number> {
  const started = performance.now();
  let runs = 0;
  while (performance.now() - started < effort.warmupMs || runs < 3) {
    await contender.run();
    runs++;
  }
  const before = performance.now();
  const probes = Math.max(1, Math.min(runs, 100));
  if (contender.async === true) for (let index = 0; index < probes; index++) await contender.run();
  else for (let index = 0; index < probes; index++) contender.run();
  const eachMs = (performance.now() - before) / probes;
  return Math.max(1, Math.ceil(SAMPLE_MS / Math.max(eachMs, 1e-6)));
}

async function sampleRound(track: Track, sliceMs: number): Promise<number> {
  const bench = new Bench({ time: sliceMs, iterations: 3, warmup: false, throws: true });
  bench.add(track.contender.name, batched(track), { async: track.contender.async === true });
  await bench.run();
  const result = bench.tasks[0]!.result;
  if (!("latency" in result)) throw new Error(`${track.contender.name} gave no figures: ${result.state}`);
  return result.latency.p50 / 1_000;
}

function batched({ contender, batch }: Track): () => unknown {
  if (contender.async === true) {
    return async () => {
      const started = performance.now();
      for (let index = 0; index < batch; index++) await contender.run();
      const spentMs = performance.now() - started;
      return { overriddenDuration: spentMs / batch, overriddenIterationCost: spentMs };
    };
  }
  return () => {
    const started = performance.now();
    for (let index = 0; index < batch; index++) contender.run();
    const spentMs = performance.now() - started;
    return { overriddenDuration: spentMs / batch, overriddenIterationCost: spentMs };
  };
}

function figuresOf({ contender, secondsPerRound }: Track, subject: Case): Figures {
  const values = secondsPerRound.map(subject.toUnit).toSorted((left, right) => left - right);
  const at = (part: number): number => values[Math.min(values.length - 1, Math.floor(values.length * part))]!;
  return {
    name: contender.name,
    kind: contender.kind,
    version: contender.version,
    median: at(0.5),
    best: subject.higherIsBetter ? values.at(-1)! : values[0]!,
    spread: (at(0.75) - at(0.25)) / 2 / at(0.5),
  };
}

/** Megabytes (10^6 bytes) per second for `sizeBytes` each run. */
export function megabytesPerSecond(sizeBytes: number): (seconds: number) => number {
  return (seconds) => sizeBytes / seconds / 1e6;
}
