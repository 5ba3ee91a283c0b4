// How a value stands in a state file: 24-byte nonce, ciphertext, 16-byte tag (docs/formats/state.md).
// The seal binds a value to its twin, namespace and key, so that none can be moved to another place.

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateKey } from "./state-store.ts";

const NONCE_SIZE = 24;
const TAG_SIZE = 16;
const KEY_SIZE = 32;
const DOMAIN = utf8Encode("twin.state.1");
const FIRST_ROOM_SIZE = 1024;

/** Bytes by which a sealed value is longer than the value. */
export const SEAL_OVERHEAD = NONCE_SIZE + TAG_SIZE;

/** Seals and opens the values of one twin. */
export interface ValueSeal {
  /** Fresh nonce, ciphertext and tag; {@link SEAL_OVERHEAD} bytes more than `value`. They are valid until the next call. */
  seal(at: StateKey, value: Uint8Array): Uint8Array;
  /** The value. Throws `TWIN_SEAL_BROKEN` when it was changed, moved, or sealed for another twin or under another key. */
  open(at: StateKey, sealed: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** A seal under the 32-byte state `key` of `twin`. Keeps its own copy of the key. */
export function createValueSeal(parts: {
  readonly key: Uint8Array;
  readonly twin: string;
  readonly kernels: Pick<Kernels, "open" | "xchacha20poly1305">;
  readonly random: Random;
}): ValueSeal {
  const { twin, kernels, random } = parts;
  if (parts.key.length !== KEY_SIZE) throw new RangeError(`A state key has 32 bytes, not ${parts.key.length}.`);
  const key = parts.key.slice();
  const prefix = concatBytes(DOMAIN, sized(utf8Encode(twin)));
  /** Domain, then twin, namespace and key, each but the last behind its u16 size: no two places share one. Each with room for a key. */
  const places = new Map<string, { readonly bytes: Uint8Array; readonly size: number }>();
  /** Valid until the next call. */
  const additionalData = ({ namespace, key: name }: StateKey): Uint8Array => {
    const { bytes, size } = places.getOrInsertComputed(namespace, () => {
      const place = concatBytes(prefix, sized(utf8Encode(namespace)));
      return { bytes: concatBytes(place, new Uint8Array(LIMITS.state.keySizeBytes)), size: place.length };
    });
    bytes.set(name, size);
    return bytes.subarray(0, size + name.length);
  };
  let room: Uint8Array = new Uint8Array(FIRST_ROOM_SIZE);
  return {
    seal: (at, value) => {
      const size = value.length + SEAL_OVERHEAD;
      if (size > room.length) room = new Uint8Array(2 * size);
      const nonce = random.bytes(NONCE_SIZE);
      room.set(nonce);
      const terms = { key, nonce, additionalData: additionalData(at) };
      kernels.xchacha20poly1305.sealInto(terms, value, room.subarray(NONCE_SIZE, size));
      return room.subarray(0, size);
    },
    open: (at, sealed) => {
      const nonce = sealed.subarray(0, NONCE_SIZE);
      // A nonce of another length is a programmer error to the kernels, but tampering here.
      const padded = nonce.length === NONCE_SIZE ? nonce : new Uint8Array(NONCE_SIZE);
      return kernels.open(key, padded, sealed.subarray(NONCE_SIZE), additionalData(at));
    },
  };
}

function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(bytes.length & 0xff, bytes.length >>> 8), bytes);
}
