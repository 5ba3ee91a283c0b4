// What the hostile guests find: host functions as real ones are, with their prices. Workers load it, too.

import { TwinError } from "../../../host/base/errors.ts";
import type { SandboxHost } from "../../../host/sandbox/pool-messages.ts";

/** Room for 16 pages. */
export const MEMORY_SIZE_BYTES = 16 * 65_536;
/** About 7 ms of computing, and time to wait. */
export const BUDGET = { fuel: 20_000_000, timeoutMs: 150 } as const;

const [i32, f64] = ["i32", "f64"] as const;

/** Waiting functions settle by a timer of their own, or never. */
function wait(ms: number): Promise<void> {
  if (ms === 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  if (ms > 0) setTimeout(resolve, ms);
  return promise;
}

/** The functions that the corpus imports. What `context` holds of type function is called by `again`. */
export const sandboxHost: SandboxHost = {
  hostInterface: {
    now_ms: { params: [], results: [f64], fuel: 50 },
    tick: { params: [], results: [], fuel: 50 },
    read: { params: [i32, i32], results: [], fuel: 100 },
    copy: { params: [i32, i32, i32], results: [], fuel: 100 },
    log: { params: [i32, i32, i32], results: [], fuel: 10_000 },
    again: { params: [], results: [], fuel: 100 },
    wait: { params: [i32], results: [], fuel: 2_000 },
    pause: { params: [], results: [], fuel: 2_000 },
  },
  createHost: (context) => ({
    implementation: {
      now_ms: () => 0,
      tick: () => undefined,
      read: (memory, address, size) => {
        memory.charge(Math.max(0, Number(size)));
        memory.read(Number(address), Number(size));
      },
      copy: (memory, from, size, to) => {
        memory.charge(Number(size));
        memory.write(Number(to), memory.read(Number(from), Number(size)));
      },
      log: (memory, _level, text, size) => void memory.readText(Number(text), Number(size)),
      again: () => {
        if (typeof context === "function") context();
        throw new TwinError("TWIN_CALL_CYCLE", "There is no guest here to call back.");
      },
    },
    waiting: { wait: (_memory, ms) => wait(Number(ms)), pause: () => wait(-1) },
  }),
};
