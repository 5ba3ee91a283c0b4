// One run of a process that does its work step by step, and is broken at one of them.

import { execFile } from "node:child_process";

/** What such a process printed. */
interface StepsDone {
  readonly steps: readonly string[];
  readonly outcome: string;
}

/** Runs the script with these words. Undefined when it was killed; rejects with its standard error when it failed. */
export function runStepChild(words: readonly string[]): Promise<StepsDone | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as StepsDone);
      else if (error.signal === "SIGKILL") resolve(undefined);
      else reject(new Error(stderr));
    });
  });
}
