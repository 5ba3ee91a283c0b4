// The heavy part of a put, on the kernel workers or, without them, here between two breaths.

import type { Clock } from "../base/clock.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { createPace } from "./pace.ts";
import type { PutJobs } from "./put-jobs.ts";
import { encodeShards } from "./segment-coder.ts";
import type { ClosedSegment } from "./segment.ts";
import { sealBlock } from "./sealed-block.ts";
import type { VaultKeys } from "./vault-keys.ts";

/** How plaintext becomes shards. One put, one of these. */
export interface PutWork {
  /** The keyed hash of `plain`, which stays the caller's, and the same bytes to go on with. */
  identify(key: Uint8Array, plain: Uint8Array): Promise<{ readonly id: Uint8Array; readonly plain: Uint8Array }>;
  /** The sealed form of what {@link PutWork.identify} gave. It is taken over before this returns its promise: the caller may reuse its own buffer at once. */
  seal(key: Uint8Array, plain: Uint8Array): Promise<Uint8Array>;
  /** The shards of a segment, as `encodeShards`. Its parts are taken over. */
  encode(keys: VaultKeys, closed: ClosedSegment): Promise<Uint8Array[]>;
}

/** Works on this thread, with pauses. */
export function createPacedWork(kernels: Kernels, clock: Clock): PutWork {
  const pace = createPace(clock);
  return {
    async identify(key, plain) {
      await pace();
      return { id: kernels.keyedHash(key, plain), plain };
    },
    async seal(key, plain) {
      const sealed = sealBlock(kernels, key, plain);
      await pace();
      return sealed;
    },
    encode: (keys, closed) => encodeShards({ keys, kernels }, closed, pace),
  };
}

/** Works on the workers of `pool`. */
export function createPooledWork(pool: KernelPool<PutJobs>): PutWork {
  return {
    identify(key, plain) {
      const own = new Uint8Array(plain);
      return pool.run("identify", { key, plain: own }, { transfer: [own.buffer] });
    },
    seal(key, plain) {
      const own = plain as Uint8Array<ArrayBuffer>;
      return pool.run("seal", { key, plain: own }, { transfer: [own.buffer] });
    },
    encode(keys, closed) {
      const transfer = closed.parts.map(({ buffer }) => buffer as ArrayBuffer);
      return pool.run("encode", { keys, closed }, { transfer });
    },
  };
}
