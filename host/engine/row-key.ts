// Rows of the host's own tables. Keys: numbers big-endian, so that rows are in order of number. Bytes that are
// only committed or looked for come from the runtime's pool: a store keeps none of them, and a buffer of its own
// for each row is what the collector is busy with.

const NUMBER_SIZE = 8;

/** 8 bytes, big-endian, of a whole number from 0 to 2^53 - 1. */
export function numberKey(sequence: number): Uint8Array {
  const key = new Uint8Array(NUMBER_SIZE);
  putNumber(key, 0, sequence);
  return key;
}

function putNumber(key: Uint8Array, offset: number, sequence: number): void {
  const high = Math.floor(sequence / 2 ** 32);
  for (let index = 0; index < 4; index++) {
    key[offset + index] = high >>> (24 - 8 * index);
    key[offset + 4 + index] = sequence >>> (24 - 8 * index);
  }
}

/** The number of a key that ends in {@link numberKey}. */
export function numberOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset + key.length - 8).getBigUint64(0));
}

/** Gives keys of `owner`, a zero byte, the number: rows of one owner, in order. */
export function ownedKeys(owner: string): (sequence: number) => Uint8Array {
  const head = Buffer.from(owner);
  return (sequence) => {
    const key = Buffer.allocUnsafe(head.length + 1 + NUMBER_SIZE);
    key.set(head);
    key[head.length] = 0;
    putNumber(key, head.length + 1, sequence);
    return key;
  };
}

/** UTF-8 JSON of `value`, to be committed: not to be kept, nor sent to another thread. */
export function rowValue(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Sorts before every key. */
export const FIRST_KEY: Uint8Array = new Uint8Array();
