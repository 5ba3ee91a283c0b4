// The steps in which this process changes the disk: each can be its end (SIGKILL), or meet a disk that fails.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";

/** What happens at the step of that number, counted from the moment it is armed; none for -1. */
export interface StepPlan {
  readonly fate: "kill" | "fail";
  readonly at: number;
}

/** What was met while it was armed. */
export interface DiskSteps {
  /** Runs `work` armed; resolves with whether it went well. */
  run(work: () => Promise<unknown>): Promise<{ readonly steps: readonly string[]; readonly outcome: string }>;
}

type Call = (this: unknown, ...values: unknown[]) => unknown;

/** Puts itself between this process and its disk, for good. */
export async function watchDisk({ fate, at }: StepPlan): Promise<DiskSteps> {
  const steps: string[] = [];
  let isArmed = false;

  /** A step: nothing, or the end of this process, or an error of the disk. */
  const step = (label: string): void => {
    if (!isArmed || steps.push(label) - 1 !== at) return;
    if (fate === "kill") process.kill(process.pid, "SIGKILL");
    const code = label.startsWith("write") ? "ENOSPC" : "EIO";
    throw Object.assign(new Error(`${code}: ${label}`), { code, syscall: label });
  };
  /** Has a step before and, so that a failure there comes when all is done already, behind each call. */
  const watch = (owner: object, name: string): void => {
    const methods = owner as Record<string, Call>;
    const real = methods[name]!;
    methods[name] = async function watched(...values) {
      step(name);
      const result = await real.apply(this, values);
      step(`${name}, done`);
      return result;
    };
  };

  const probe = await fs.promises.open(import.meta.filename);
  const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
  await probe.close();
  const realWrite = handles["write"]!;
  handles["write"] = async function write(...values) {
    step("write");
    const [bytes, offset, size, position] = values as [Uint8Array, number, number, number];
    // Whole pages, where there are some: less does not go past the page cache.
    const half = size < 8_192 ? size >> 1 : (size >> 13) << 12;
    if (isArmed && steps.length === at) await realWrite.call(this, bytes, offset, half, position);
    step("write, half of it");
    return realWrite.apply(this, values);
  };
  for (const name of ["sync", "datasync", "truncate", "writeFile"]) watch(handles, name);
  for (const name of ["mkdir", "rm", "rename", "writeFile"]) watch(fs.promises, name);
  syncBuiltinESMExports();
  // A commit of SQLite that fails has no effect: the store of tables sees to that. So it is only killed here.
  const databases = DatabaseSync.prototype as unknown as Record<string, Call>;
  const realExec = databases["exec"]!;
  databases["exec"] = function exec(sql) {
    if (fate === "kill" && sql === "COMMIT") step("COMMIT");
    realExec.call(this, sql);
    if (fate === "kill" && sql === "COMMIT") step("COMMIT, done");
  };

  return {
    async run(work) {
      isArmed = true;
      const outcome = await work().then(
        () => "done",
        (thrown: { readonly code?: unknown }) => `refused ${String(thrown.code)}`,
      );
      isArmed = false;
      return { steps, outcome };
    },
  };
}
