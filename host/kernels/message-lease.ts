// A message in the kernels' own memory, apart from the window: sealed and opened without a copy.

import type { MessageLease } from "./cipher.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import { DATA_SIZE_MAX, extendedOf, KEY_SIZE, TAG_SIZE } from "./window-message.ts";

/** Text that the lease has room for. */
const LEASE_TEXT_SIZE = 65_536;

/** Modules whose place for a leased message is in use. */
const leased = new WeakSet<KernelModule>();

/** Leases the one place for a message in the memory of `module`. Throws `TypeError` while it is leased. */
export function leaseMessage(module: KernelModule, nonceSize: 12 | 24): MessageLease {
  if (leased.has(module)) throw new TypeError("The place for a message is leased: dispose that lease before the next.");
  leased.add(module);
  const { exports, bytes } = module;
  const message = addressOf(exports.AEAD_LEASE);
  const extended = extendedOf(nonceSize);
  const view = (offset: number, size: number): Uint8Array<ArrayBuffer> =>
    bytes.subarray(message + offset, message + offset + size);
  const text = addressOf(exports.AEAD_TEXT);
  let disposed = false;
  const require = (size: number, additionalSize: number): void => {
    if (disposed) throw new TypeError("This lease was disposed: take another one.");
    requireRange("text", size, LEASE_TEXT_SIZE);
    requireRange("additional data", additionalSize, DATA_SIZE_MAX);
  };
  return {
    key: view(0, KEY_SIZE),
    nonce: view(addressOf(exports.AEAD_NONCE), nonceSize),
    additionalData: view(addressOf(exports.AEAD_DATA), DATA_SIZE_MAX),
    text: view(text, LEASE_TEXT_SIZE + TAG_SIZE),
    seal(size, additionalSize = 0) {
      require(size, additionalSize);
      exports.aeadSealMessage(message, extended, additionalSize, size);
    },
    open(size, additionalSize = 0) {
      require(size, additionalSize);
      return exports.aeadOpenMessage(message, extended, additionalSize, size) === 1;
    },
    [Symbol.dispose]() {
      if (disposed) return;
      disposed = true;
      leased.delete(module);
      bytes.fill(0, message, message + text + LEASE_TEXT_SIZE + TAG_SIZE);
    },
  };
}

function requireRange(what: string, size: number, sizeMax: number): void {
  if (Number.isInteger(size) && size >= 0 && size <= sizeMax) return;
  throw new RangeError(`A leased message has 0 to ${sizeMax} bytes of ${what}, not ${size}.`);
}
