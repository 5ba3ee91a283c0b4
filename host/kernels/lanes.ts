// Operations that can be done in two ways, each message by the lane that is faster for its size. All
// lanes give the same bytes and refuse the same messages.

import type { LaneOperation, LaneRule, LaneTable } from "./hardware-profile.ts";
import type { Kernels } from "./kernels.ts";
import type { LaneWork } from "./lane-work.ts";
import { nativeLane } from "./native-lane.ts";
import { createWasmLane } from "./wasm-lane.ts";

/** The lanes, chosen by size. */
export interface Lanes extends LaneWork {
  /** How they are chosen. */
  readonly table: LaneTable;
}

/** Chooses by `table`. */
export function createLanes(kernels: Kernels, table: LaneTable): Lanes {
  const lanes = { wasm: createWasmLane(kernels), native: nativeLane };
  const choose = (operation: LaneOperation): ((size: number) => LaneWork) => {
    const rules = table[operation];
    return (size) => lanes[laneFor(rules, size)];
  };
  const [sealBy, openBy, hashBy] = [choose("chacha20poly1305-seal"), choose("chacha20poly1305-open"), choose("sha256")];
  return {
    table,
    seal: (key, nonce, plaintext, additionalData) =>
      sealBy(plaintext.length).seal(key, nonce, plaintext, additionalData),
    open: (key, nonce, sealed, additionalData) => openBy(sealed.length).open(key, nonce, sealed, additionalData),
    sha256: (data) => hashBy(data.length).sha256(data),
  };
}

function laneFor(rules: readonly LaneRule[], size: number): LaneRule["lane"] {
  for (const { upToSizeBytes, lane } of rules) if (upToSizeBytes === null || size <= upToSizeBytes) return lane;
  throw new RangeError("The last rule of a lane table is for any size.");
}
