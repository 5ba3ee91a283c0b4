// How a value stands in a state file: 24-byte nonce, ciphertext, 16-byte tag (docs/formats/state.md).
// The seal binds a value to its twin, namespace and key, so that none can be moved to another place.

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { namespaceBytes } from "./state-key.ts";
import type { StateKey } from "./state-store.ts";

const NONCE_SIZE = 24;
const TAG_SIZE = 16;
const KEY_SIZE = 32;
const SIZE_SIZE = 2;
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
  /** Domain, then twin, namespace and key, each but the last behind its u16 size: no two places share one. Valid until the next call. */
  let place = prefix;
  let [placed, keyAt]: [string | undefined, number] = [undefined, 0];
  const additionalData = ({ namespace, key: name }: StateKey): Uint8Array => {
    if (namespace !== placed) {
      const bytes = namespaceBytes(namespace);
      keyAt = prefix.length + SIZE_SIZE + bytes.length;
      const size = keyAt + LIMITS.state.keySizeBytes;
      if (place.length < size) place = concatBytes(prefix, new Uint8Array(size - prefix.length));
      putSize(place, prefix.length, bytes.length);
      place.set(bytes, prefix.length + SIZE_SIZE);
      placed = namespace;
    }
    place.set(name, keyAt);
    return place.subarray(0, keyAt + name.length);
  };
  let room = new Uint8Array(0);
  return {
    seal: (at, value) => {
      const size = value.length + SEAL_OVERHEAD;
      if (size > room.length) room = new Uint8Array(Math.max(2 * size, FIRST_ROOM_SIZE));
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
  const sizedBytes = concatBytes(new Uint8Array(SIZE_SIZE), bytes);
  putSize(sizedBytes, 0, bytes.length);
  return sizedBytes;
}

/** A `u16`, little-endian. */
function putSize(bytes: Uint8Array, at: number, size: number): void {
  bytes[at] = size & 0xff;
  bytes[at + 1] = size >>> 8;
}
