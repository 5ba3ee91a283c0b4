// What long work is at hand, how far it is, and when it will be done if it goes on like this.

import type { Clock } from "../base/clock.ts";
import type { Progress, VaultWork } from "./object.ts";

/** The long work of one vault; one at a time. */
export interface WorkBoard {
  /** Runs `task` as the work at hand. What it reports goes to `onProgress` too. */
  run<T>(
    kind: VaultWork["kind"],
    onProgress: Progress | undefined,
    task: (onProgress: Progress) => Promise<T>,
  ): Promise<T>;
  /** Undefined when there is none. */
  current(): VaultWork | undefined;
}

/** An empty board. */
export function createWorkBoard(clock: Clock): WorkBoard {
  let work: (Omit<VaultWork, "etaMs"> & { readonly startedMs: number }) | undefined;
  return {
    async run(kind, onProgress, task) {
      const startedMs = clock.elapsedMs();
      work = { kind, done: 0, startedMs };
      try {
        return await task((done, total) => {
          work = { kind, done, total, startedMs };
          onProgress?.(done, total);
        });
      } finally {
        work = undefined;
      }
    },
    current() {
      if (work === undefined) return undefined;
      const { startedMs, ...told } = work;
      if (told.total === undefined || told.done === 0) return told;
      return { ...told, etaMs: ((clock.elapsedMs() - startedMs) / told.done) * (told.total - told.done) };
    },
  };
}
