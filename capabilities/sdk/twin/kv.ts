// The capability's own state: ordered keys (at most 512 bytes), values of at most 128 KiB. A
// command's writes are seen by itself at once and by others when it has committed.

import { JSON } from "json-as";
import { encode, hostKvDelete, hostKvGet, hostKvPut, hostKvScan, take } from "./abi";

/** One key and its value. */
export class Entry {
  constructor(
    public key: string,
    public bytes: ArrayBuffer,
  ) {}

  /** The value as text. */
  get text(): string {
    return String.UTF8.decode(this.bytes);
  }

  /** The value as what {@link kv.write} wrote. */
  read<T>(): T {
    return JSON.parse<T>(this.text);
  }
}

/** Needs the permission `state`. Keys are text, ordered by their UTF-8 bytes. */
export namespace kv {
  /** The bytes at `key`, or null. */
  export function getBytes(key: string): ArrayBuffer | null {
    const name = encode(key);
    const size = hostKvGet(changetype<usize>(name), name.byteLength);
    return size < 0 ? null : take(size);
  }

  /** The text at `key`, or null. */
  export function get(key: string): string | null {
    const bytes = getBytes(key);
    return bytes === null ? null : String.UTF8.decode(bytes);
  }

  /** The `@json` object at `key`, or null. */
  export function read<T>(key: string): T | null {
    const bytes = getBytes(key);
    return bytes === null ? null : JSON.parse<T>(String.UTF8.decode(bytes));
  }

  /** Only in a command. */
  export function putBytes(key: string, value: ArrayBuffer): void {
    const name = encode(key);
    hostKvPut(changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength);
  }

  /** Only in a command. */
  export function put(key: string, value: string): void {
    putBytes(key, encode(value));
  }

  /** Writes a `@json` object. Only in a command. */
  export function write<T>(key: string, value: T): void {
    putBytes(key, encode(JSON.stringify<T>(value)));
  }

  /** Whether there was something to delete. Only in a command. */
  export function remove(key: string): bool {
    const name = encode(key);
    return hostKvDelete(changetype<usize>(name), name.byteLength) == 1;
  }

  /** At most `limit` entries whose keys begin with `prefix`, in order or in reverse. */
  export function scan(prefix: string, limit: i32, reverse: bool = false): Entry[] {
    const start = encode(prefix);
    return between(start, behind(start), limit, reverse);
  }

  /** Like {@link scan}, from behind the key `after` (which must begin with `prefix`) on. */
  export function scanAfter(prefix: string, after: string, limit: i32): Entry[] {
    // The smallest key behind `after`: `after` and a zero byte.
    return between(encode(after + "\0"), behind(encode(prefix)), limit, false);
  }

  /** Like {@link scan} in reverse, from before the key `before` (which must begin with `prefix`) down. */
  export function scanBefore(prefix: string, before: string, limit: i32): Entry[] {
    return between(encode(prefix), encode(before), limit, true);
  }
}

/** The first key behind all that begin with `prefix`; empty when there is none. */
function behind(prefix: ArrayBuffer): ArrayBuffer {
  const size = prefix.byteLength;
  if (size == 0) return prefix;
  const end = prefix.slice(0);
  const last = changetype<usize>(end) + size - 1;
  // UTF-8 has no byte 0xff, so the last one can always be raised.
  store<u8>(last, load<u8>(last) + 1);
  return end;
}

function between(start: ArrayBuffer, end: ArrayBuffer, limit: i32, reverse: bool): Entry[] {
  const size = hostKvScan(changetype<usize>(start), start.byteLength, changetype<usize>(end), end.byteLength, limit, reverse ? 1 : 0);
  const staged = take(size);
  const entries: Entry[] = [];
  // Each: u32 keySize, key, u32 valueSize, value.
  let at = changetype<usize>(staged);
  const last = at + size;
  while (at < last) {
    const keySize = load<u32>(at);
    const key = String.UTF8.decodeUnsafe(at + 4, keySize);
    at += 4 + keySize;
    const valueSize = load<u32>(at);
    const value = new ArrayBuffer(valueSize);
    memory.copy(changetype<usize>(value), at + 4, valueSize);
    at += 4 + valueSize;
    entries.push(new Entry(key, value));
  }
  return entries;
}
