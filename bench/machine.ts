// Facts of the machine that figures mean nothing without, and whether it is quiet enough to measure.

import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What stands at the top of every report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly features: readonly string[];
  readonly memoryBytes: number;
  readonly node: string;
  readonly v8: string;
  readonly os: string;
  /** One-minute load average when the run began. */
  readonly load: number;
}

const FEATURES = [
  "sse4_1",
  "ssse3",
  "avx",
  "avx2",
  "avx512f",
  "avx512vl",
  "gfni",
  "aes",
  "vaes",
  "sha_ni",
  "asimd",
  "sha2",
  "sve",
];

/** Reads the facts. */
export function readMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    features: readFeatures(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    v8: process.versions.v8,
    os: `${process.platform} ${process.arch}`,
    load: loadavg()[0] ?? 0,
  };
}

/**
 * How unsteady this machine is right now: the spread of a fixed piece of arithmetic, relative to its
 * median. Below 0.05 is quiet.
 */
export function measureNoise(): number {
  const times: number[] = [];
  for (let round = 0; round < 60; round++) {
    const started = performance.now();
    let sum = round;
    for (let index = 0; index < 400_000; index++) sum = (Math.imul(sum, 1_664_525) + index) | 0;
    times.push(performance.now() - started + (sum === 0.5 ? 1 : 0));
  }
  const sorted = times.slice(10).toSorted((left, right) => left - right);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)]!;
  return (at(0.9) - at(0.1)) / at(0.5);
}

function readFeatures(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    const words = new Set(line.split(/\s+/));
    return FEATURES.filter((feature) => words.has(feature));
  } catch {
    return [];
  }
}
