// Our kernels as a lane: the same everywhere, also where Node has nothing of its own.

import type { Kernels } from "./kernels.ts";
import type { LaneWork } from "./lane-work.ts";

/** The lane over `kernels`. */
export function createWasmLane(kernels: Kernels): LaneWork {
  return {
    seal: (...message) => kernels.chacha20poly1305.seal(...message),
    open: (...message) => kernels.chacha20poly1305.open(...message),
    sha256: (data) => kernels.sha256(data),
  };
}
