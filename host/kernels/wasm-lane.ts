// Our kernels as a lane: the same everywhere, also where Node has nothing of its own.

import { sha256 } from "@noble/hashes/sha2.js";
import type { Kernels } from "./kernels.ts";
import type { LaneWork } from "./lanes.ts";

/** The lane over `kernels`. */
export function createWasmLane({ chacha20poly1305 }: Kernels): LaneWork {
  return {
    seal: (...message) => chacha20poly1305.seal(...message),
    open: (...message) => chacha20poly1305.open(...message),
    sha256: (data) => sha256(data),
  };
}
