// Names and seals of what must be found with the phrase alone: the twin's root record and the ticks that
// follow it (docs/formats/vault.md, "The twin in its vault").

import { concatBytes, hexEncode, utf8Encode } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";

const NAME_CONTEXT = "digital-twin-host 2026-11 vault locator name v1";
const SEAL_CONTEXT = "digital-twin-host 2026-11 vault locator seal v1";
const NONCE_SIZE = 24;
const NAME_TAG_SIZE = 16;

/** What only the owner's keys find and read. */
export interface Locator {
  /** Name of the root record in `slot`: two take turns, so that a torn one never stands alone. */
  rootName(slot: 0 | 1): string;
  /** Name of tick `number` of an epoch. */
  tickName(epoch: Uint8Array, number: number): string;
  /** Bound to its name, so that a store cannot give one for another. */
  seal(name: string, plain: Uint8Array): Uint8Array;
  /** Throws `TWIN_SEAL_BROKEN`. */
  open(name: string, sealed: Uint8Array): Uint8Array;
}

/** The locator of the 32-byte locator `key`, which stays the caller's. */
export function createLocator(key: Uint8Array, kernels: Kernels, random: Random): Locator {
  const nameKey = kernels.deriveKey(NAME_CONTEXT, key);
  const sealKey = kernels.deriveKey(SEAL_CONTEXT, key);
  const name = (of: Uint8Array): string =>
    `note-${hexEncode(kernels.keyedHash(nameKey, of).subarray(0, NAME_TAG_SIZE))}`;
  return {
    rootName: (slot) => name(utf8Encode(`root ${slot}`)),
    tickName: (epoch, number) => name(concatBytes(utf8Encode(`tick ${number} `), epoch)),
    seal(of, plain) {
      const nonce = random.bytes(NONCE_SIZE);
      return concatBytes(nonce, kernels.seal(sealKey, nonce, plain, utf8Encode(of)));
    },
    open: (of, sealed) =>
      kernels.open(sealKey, sealed.slice(0, NONCE_SIZE), sealed.subarray(NONCE_SIZE), utf8Encode(of)),
  };
}
