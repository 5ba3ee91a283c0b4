// Ends the processes that the tests of a file have left behind. One that a failed test did not come to kill
// would hold vitest's standard error open: the whole run would never end, and say nothing.

import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll } from "vitest";

const children = new Set<ChildProcess>();

const remember = (message: unknown): void => {
  const { process: child } = message as { readonly process: ChildProcess };
  children.add(child);
  child.once("exit", () => children.delete(child));
};
subscribe("child_process", remember);

// The hooks of the file itself, which are later ones, come before.
afterAll(() => {
  unsubscribe("child_process", remember);
  for (const child of children) child.kill("SIGKILL");
});
