// The peer of a put: restic's first backup of the same bytes, when restic is installed on the machine.

import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SampledContender } from "../../measure.ts";
import { secondsOf } from "../../samplers.ts";

const run = promisify(execFile);
const ENVIRONMENT = { ...process.env, RESTIC_PASSWORD: "bench" };

/** A contender for `put` that works in `folder`, or undefined where there is no restic. */
export async function resticPut(folder: string, data: Uint8Array): Promise<SampledContender | undefined> {
  const version = await resticVersion();
  if (version === undefined) return undefined;
  const sample = async (): Promise<number> => {
    const [source, repository] = [join(folder, "source"), join(folder, "repository")];
    mkdirSync(source, { recursive: true });
    try {
      writeFileSync(join(source, "object"), data);
      await restic("init", "--repo", repository);
      return await secondsOf(() => restic("backup", "--repo", repository, "--no-cache", source));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  return { name: "restic, first backup", kind: "native", version, sample };
}

async function restic(...words: readonly string[]): Promise<void> {
  await run("restic", words, { env: ENVIRONMENT });
}

async function resticVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run("restic", ["version"], { env: ENVIRONMENT });
    return /^restic (\S+)/u.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
