// The peer of a put: restic's first backup of the same files, when restic is installed on the machine.

import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { promisify } from "node:util";
import type { SampledContender } from "../../measure.ts";
import { secondsOf } from "../../samplers.ts";
import { folderSize } from "./folder-size.ts";

const run = promisify(execFile);
const ENVIRONMENT = { ...process.env, RESTIC_PASSWORD: "bench" };
/** The second line is of the shell's children: minutes and seconds of user and system. */
const TIMES = /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/u;

/** What is backed up, and where. */
export interface ResticOrder {
  /** Is made and deleted. */
  readonly repository: string;
  readonly source: string;
  /** Puts the files into `source`, before the clock runs. */
  readonly fill?: () => void;
  /** Told of each round. */
  readonly onRound?: (figures: { readonly cpuSeconds: number; readonly storedBytes: number }) => void;
}

/** A contender for a put, or undefined where there is no restic. */
export async function resticPut({
  repository,
  source,
  fill,
  onRound,
}: ResticOrder): Promise<SampledContender | undefined> {
  const version = await resticVersion();
  if (version === undefined) return undefined;
  const sample = async (): Promise<number> => {
    fill?.();
    await restic("init", "--repo", repository);
    try {
      let cpuSeconds = 0;
      const seconds = await secondsOf(async () => {
        cpuSeconds = await restic("backup", "--repo", repository, "--no-cache", source);
      });
      onRound?.({ cpuSeconds, storedBytes: folderSize(repository) });
      return seconds;
    } finally {
      rmSync(repository, { recursive: true });
    }
  };
  return { name: "restic, first backup", kind: "native", version, sample };
}

/** Answers the seconds of CPU that it took. */
async function restic(...words: readonly string[]): Promise<number> {
  const { stdout } = await run("sh", ["-c", 'restic "$@" && times', "sh", ...words], { env: ENVIRONMENT });
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = (TIMES.exec(stdout) ?? [])
    .slice(1)
    .map(Number);
  return 60 * (userMinutes + systemMinutes) + userSeconds + systemSeconds;
}

async function resticVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run("restic", ["version"], { env: ENVIRONMENT });
    return /^restic (\S+)/u.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
