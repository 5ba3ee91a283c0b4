// How much of a busy machine a thread gets. Linux only: elsewhere threads stay equal.

import { readlinkSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";

/** Gives about a third of the processor time of an equal, when there is not enough for all. */
const BEHIND_OTHERS = 5;

/** Lets the threads of the host, and those of quick guests, go first from now on. Does nothing where it cannot. */
export function stepBehindOthers(): void {
  try {
    // To the kernel a thread is a process of its own: "4711/task/4712".
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    if (thread > 0) setPriority(thread, Math.min(getPriority() + BEHIND_OTHERS, constants.priority.PRIORITY_LOW));
  } catch {
    // Order among threads is a courtesy, not a bound: without it everything holds, only less evenly.
  }
}
