// What a twin's record in the journal says: its writes in order, sealed under the twin's key and
// bound to the twin and the record's number (docs/formats/state.md).

import { concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateWrite } from "./state-store.ts";

const NONCE_SIZE = 24;
const DOMAIN = utf8Encode("twin.journal.1");
/** Of namespace `u8`, of the key `u16`, of the value plus one `u32`: 0 deletes. */
const HEAD_SIZE = 7;
const FIRST_CAPACITY = 1024;

/** Collects writes as bytes. */
export class RecordWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #size = 0;
  readonly #namespaces = new Map<string, Uint8Array>();

  /** Appends a write, of which it keeps nothing but a copy. */
  add({ namespace, key, value }: StateWrite): void {
    const name = this.#namespaces.getOrInsertComputed(namespace, () => utf8Encode(namespace));
    this.#reserve(HEAD_SIZE + name.length + key.length + (value?.length ?? 0));
    const bytes = this.#bytes;
    let at = this.#size;
    const valueField = value === undefined ? 0 : value.length + 1;
    bytes[at++] = name.length;
    bytes[at++] = key.length & 0xff;
    bytes[at++] = key.length >>> 8;
    for (let shift = 0; shift < 32; shift += 8) bytes[at++] = (valueField >>> shift) & 0xff;
    bytes.set(name, at);
    bytes.set(key, (at += name.length));
    at += key.length;
    if (value !== undefined) {
      bytes.set(value, at);
      at += value.length;
    }
    this.#size = at;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** All writes since the last call; the bytes are valid until the next {@link RecordWriter.add}. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    return bytes;
  }

  #reserve(size: number): void {
    if (this.#size + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + size));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

/** The writes of bytes that a {@link RecordWriter} made, and whose seal has held. */
export function decodeWrites(bytes: Uint8Array): StateWrite[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const writes: StateWrite[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const key = offset + HEAD_SIZE + view.getUint8(offset);
    const value = key + view.getUint16(offset + 1, true);
    const valueField = view.getUint32(offset + 3, true);
    const end = value + Math.max(0, valueField - 1);
    writes.push({
      namespace: utf8Decode(bytes.subarray(offset + HEAD_SIZE, key)),
      key: bytes.slice(key, value),
      value: valueField === 0 ? undefined : bytes.slice(value, end),
    });
    offset = end;
  }
  return writes;
}

/** Seals and opens the records of one twin. */
export interface RecordSeal {
  /** Fresh nonce, ciphertext, tag. */
  seal(sequence: number, bytes: Uint8Array): Uint8Array;
  /** Throws `TWIN_SEAL_BROKEN` when it was changed, or sealed as another record or under another key. */
  open(sequence: number, sealed: Uint8Array): Uint8Array;
}

/** A seal under the 32-byte state `key` of `twin`. Keeps its own copy of the key. */
export function createRecordSeal(parts: {
  readonly key: Uint8Array;
  readonly twin: string;
  readonly kernels: Pick<Kernels, "seal" | "open">;
  readonly random: Random;
}): RecordSeal {
  const { kernels, random } = parts;
  const key = parts.key.slice();
  const prefix = concatBytes(DOMAIN, utf8Encode(parts.twin), Uint8Array.of(0));
  const dataOf = (sequence: number): Uint8Array => {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(sequence), true);
    return concatBytes(prefix, number);
  };
  return {
    seal: (sequence, bytes) => {
      const nonce = random.bytes(NONCE_SIZE);
      return concatBytes(nonce, kernels.seal(key, nonce, bytes, dataOf(sequence)));
    },
    open: (sequence, sealed) => {
      const nonce = sealed.slice(0, NONCE_SIZE);
      return kernels.open(key, nonce, sealed.subarray(NONCE_SIZE), dataOf(sequence));
    },
  };
}
