// What a twin's record in the journal says: its writes in order, sealed under the twin's key and
// bound to the twin and the record's number (docs/formats/state.md).

import { concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateWrite } from "./state-store.ts";

const NONCE_SIZE = 24;
const TAG_SIZE = 16;
const DOMAIN = utf8Encode("twin.journal.1");
/** Of namespace `u8`, of the key `u16`, of the value plus one `u32`: 0 deletes. */
const HEAD_SIZE = 7;
/** Records stand one behind the other in slabs: a buffer of its own for each costs more than its bytes. */
const SLAB_SIZE = 16 * 1024;

/** Collects writes as bytes. What it has given out stays as it is. */
export class RecordWriter {
  #slab: Uint8Array = new Uint8Array();
  /** Of the record that is being written. */
  #start = 0;
  #end = 0;
  readonly #namespaces = new Map<string, Uint8Array>();

  /** Appends a write, of which it keeps nothing but a copy. Returns the value as it stands there. */
  add({ namespace, key, value }: StateWrite): Uint8Array | undefined {
    const name = this.#namespaces.getOrInsertComputed(namespace, () => utf8Encode(namespace));
    this.#reserve(HEAD_SIZE + name.length + key.length + (value?.length ?? 0));
    const slab = this.#slab;
    let at = this.#end;
    const valueField = value === undefined ? 0 : value.length + 1;
    slab[at++] = name.length;
    slab[at++] = key.length & 0xff;
    slab[at++] = key.length >>> 8;
    for (let shift = 0; shift < 32; shift += 8) slab[at++] = (valueField >>> shift) & 0xff;
    slab.set(name, at);
    slab.set(key, (at += name.length));
    at += key.length;
    if (value !== undefined) slab.set(value, at);
    this.#end = at + (value?.length ?? 0);
    return value === undefined ? undefined : slab.subarray(at, this.#end);
  }

  get isEmpty(): boolean {
    return this.#end === this.#start;
  }

  /** All writes since the last call. */
  take(): Uint8Array {
    const bytes = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return bytes;
  }

  /** Makes room behind what is written of the record, if need be in another slab. */
  #reserve(size: number): void {
    if (this.#end + size <= this.#slab.length) return;
    const begun = this.#slab.subarray(this.#start, this.#end);
    const needed = begun.length + size;
    // A record that grows beyond a slab is moved seldom.
    this.#slab = new Uint8Array(needed <= SLAB_SIZE ? SLAB_SIZE : 2 * needed);
    this.#slab.set(begun);
    [this.#start, this.#end] = [0, begun.length];
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
  readonly kernels: Pick<Kernels, "open" | "xchacha20poly1305">;
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
      const sealed = new Uint8Array(NONCE_SIZE + bytes.length + TAG_SIZE);
      sealed.set(nonce);
      const terms = { key, nonce, additionalData: dataOf(sequence) };
      kernels.xchacha20poly1305.sealInto(terms, bytes, sealed.subarray(NONCE_SIZE));
      return sealed;
    },
    open: (sequence, sealed) => {
      const nonce = sealed.slice(0, NONCE_SIZE);
      return kernels.open(key, nonce, sealed.subarray(NONCE_SIZE), dataOf(sequence));
    },
  };
}
