// The host functions of the pool's tests, as a worker loads them.

import type { SandboxHost } from "../../../host/sandbox/pool-messages.ts";
import type { WaitingMemory } from "../../../host/sandbox/sandbox.ts";

/** Waits by a timer of its own, which ends when nobody waits any more. */
function sleep(memory: WaitingMemory, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  memory.signal.addEventListener("abort", () => clearTimeout(timer));
  return promise;
}

/** `number` answers with the guest's context; `nap` waits; `fault` has a bug. */
export const sandboxHost: SandboxHost = {
  hostInterface: {
    number: { params: [], results: ["i32"], fuel: 10 },
    nap: { params: ["i32"], results: [], fuel: 1_000 },
    fault: { params: [], results: [], fuel: 10 },
  },
  createHost: (context) => ({
    implementation: {
      number: () => Number(context),
      fault: () => {
        throw new Error("a bug");
      },
    },
    waiting: { nap: (memory, ms) => sleep(memory, Number(ms)) },
  }),
};
