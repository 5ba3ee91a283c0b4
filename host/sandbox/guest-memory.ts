// The window through which host functions see a guest: every range is checked, every length can be
// charged, and nothing of it works when no call is running.

import { utf8Decode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { GuestMemory } from "./sandbox.ts";

/** What a window needs of its guest. */
export interface MemoryOwner {
  /** All of its memory as it is now. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What a running call has left; below zero when it has burnt more than it had. */
  readonly fuel: { value: bigint };
  /** Weighted frames that a running call has left. */
  readonly depth: { value: number };
  /** Whether a call is running. */
  readonly running: boolean;
}

/** A window on the guest that `owner` is. Its methods throw `TypeError` when no call is running. */
export function createGuestMemory(owner: MemoryOwner): GuestMemory {
  return {
    read: (address, size) => bytesAt(owner, address, size).slice(),
    readText: (address, size) => {
      // The decoder copies; a shared view is enough.
      const bytes = bytesAt(owner, address, size);
      try {
        return utf8Decode(bytes);
      } catch (cause) {
        const reason = `The guest passed text at ${address} (${size} bytes) that is not UTF-8; encode it as UTF-8.`;
        throw new TwinError("TWIN_GUEST_ABI", reason, {}, cause);
      }
    },
    write: (address, data) => bytesAt(owner, address, data.length).set(data),
    charge: (fuel) => {
      if (!Number.isSafeInteger(fuel) || fuel < 0) throw new RangeError(`A charge is a whole number, got ${fuel}`);
      assertRunning(owner);
      // Each look at a global is a call of the engine.
      const left = owner.fuel.value - BigInt(fuel);
      owner.fuel.value = left;
      if (left < 0n) throw outOfFuel();
    },
    fuelLeft: () => {
      assertRunning(owner);
      return Math.max(0, Number(owner.fuel.value));
    },
    depthLeft: () => {
      assertRunning(owner);
      return owner.depth.value;
    },
  };
}

/** The error of a call that has burnt more fuel than it had. */
export function outOfFuel(): TwinError {
  return new TwinError("TWIN_GUEST_FUEL", "The call used all of its fuel; do less in one call, or give it more.");
}

/**
 * The guest's own bytes, not a copy: valid until the guest runs again. Takes both as the unsigned
 * 32-bit numbers that they are in the ABI, in either of the forms that JavaScript may show them.
 */
function bytesAt(owner: MemoryOwner, address: number, size: number): Uint8Array<ArrayBuffer> {
  assertRunning(owner);
  const { bytes } = owner;
  const start = unsigned(address);
  const length = unsigned(size);
  if (start + length <= bytes.length) return bytes.subarray(start, start + length);
  const reason = `The guest passed ${length} bytes at ${start}, its memory ends at ${bytes.length}; check the pointer.`;
  throw new TwinError("TWIN_GUEST_ABI", reason);
}

function unsigned(value: number): number {
  return value < 0 ? value + 2 ** 32 : value;
}

function assertRunning({ running }: MemoryOwner): void {
  if (!running) throw new TypeError("A guest's memory can only be used while the guest calls the host");
}
