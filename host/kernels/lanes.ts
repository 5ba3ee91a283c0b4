// Operations that can be done in two ways, each message by the lane that is faster for its size. All
// lanes give the same bytes and refuse the same messages.

import type { LaneOperation, LaneRule, LaneTable } from "./hardware-profile.ts";
import type { Kernels } from "./kernels.ts";
import { nativeLane } from "./native-lane.ts";
import { createWasmLane } from "./wasm-lane.ts";

/** ChaCha20-Poly1305 (RFC 8439) and SHA-256 (FIPS 180-4). Arguments stay the caller's, results are fresh. */
export interface LaneWork {
  /** Ciphertext followed by the 16-byte tag. `key` 32 bytes, `nonce` 12 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The plaintext. Throws `TWIN_SEAL_BROKEN` when key, nonce, data or tag do not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additionalData: Uint8Array): Uint8Array<ArrayBuffer>;
  /** 32 bytes. */
  sha256(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

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
