// Requests and answers of /twin/shards/1, byte by byte (docs/formats/peer-protocol.md). Answers come in the
// order of the requests. What the other side sends is checked here, so that nobody else meets a wrong form.

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { isShardName } from "../vault/shard-name.ts";
import type { ShardStat } from "../vault/shard-store.ts";

/** Name of the libp2p protocol. */
export const SHARDS_PROTOCOL = "/twin/shards/1";

const OPERATIONS = { put: 1, get: 2, stat: 3, delete: 4, list: 5, verify: 6, room: 7 } as const;
const STATUSES = ["done", "absent", "full", "failed", "not-lent"] as const;
const TO_THE_END = 0xffff_ffff;
const HASH_SIZE = 32;

/** What a twin asks of the holder of its shards. */
export type ShardRequest =
  | { readonly kind: "put"; readonly name: string; readonly data: Uint8Array }
  | { readonly kind: "get"; readonly name: string; readonly offset: number; readonly sizeBytes: number | undefined }
  | { readonly kind: "stat" | "delete"; readonly name: string }
  /** Names behind `after`, in the order of their bytes; empty: from the first. */
  | { readonly kind: "list"; readonly after: string }
  /** The BLAKE3 of each 64 KiB of the shard from `offset` on, computed by the holder. */
  | { readonly kind: "verify"; readonly name: string; readonly offset: number }
  /** How much room there is. */
  | { readonly kind: "room" };

/** How it went, and what comes with it. */
export interface ShardAnswer {
  readonly status: (typeof STATUSES)[number];
  readonly body: Uint8Array;
}

/** The request as a frame. Throws `RangeError` for a name that is none. */
export function encodeRequest(request: ShardRequest): Uint8Array {
  const operation = Uint8Array.of(OPERATIONS[request.kind]);
  switch (request.kind) {
    case "put":
      return concatBytes(operation, encodeName(request.name), request.data);
    case "get":
      return concatBytes(
        operation,
        encodeName(request.name),
        u32(request.offset),
        u32(request.sizeBytes ?? TO_THE_END),
      );
    case "verify":
      return concatBytes(operation, encodeName(request.name), u32(request.offset));
    case "list":
      return concatBytes(operation, encodeText(request.after));
    case "room":
      return operation;
  }
  return concatBytes(operation, encodeName(request.name));
}

/** The request in a frame. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeRequest(frame: Uint8Array): ShardRequest {
  const reader = new Reader(frame);
  const operation = reader.u8();
  if (operation === OPERATIONS.list) return reader.end({ kind: "list", after: reader.text() });
  if (operation === OPERATIONS.room) return reader.end({ kind: "room" });
  const name = reader.text();
  if (!isShardName(name)) throw malformed();
  switch (operation) {
    case OPERATIONS.put:
      return { kind: "put", name, data: reader.rest() };
    case OPERATIONS.get: {
      const [offset, size] = [reader.u32(), reader.u32()];
      return reader.end({ kind: "get", name, offset, sizeBytes: size === TO_THE_END ? undefined : size });
    }
    case OPERATIONS.verify:
      return reader.end({ kind: "verify", name, offset: reader.u32() });
    case OPERATIONS.stat:
      return reader.end({ kind: "stat", name });
    case OPERATIONS.delete:
      return reader.end({ kind: "delete", name });
  }
  throw malformed();
}

/** The answer as a frame. */
export function encodeAnswer({ status, body }: ShardAnswer): Uint8Array {
  return concatBytes(Uint8Array.of(STATUSES.indexOf(status)), body);
}

/** The answer in a frame. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeAnswer(frame: Uint8Array): ShardAnswer {
  const status = STATUSES[frame[0] ?? STATUSES.length];
  if (status === undefined) throw malformed();
  return { status, body: frame.subarray(1) };
}

/** A size, as the body of an answer to `stat`. */
export function encodeSize(sizeBytes: number): Uint8Array {
  return u32(sizeBytes);
}

/** The size in the body of an answer to `stat`. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeSize(body: Uint8Array): number {
  const reader = new Reader(body);
  return reader.end(reader.u32());
}

/** The body of an answer to `list`. */
export function encodeStats(stats: readonly ShardStat[]): Uint8Array {
  return concatBytes(...stats.flatMap(({ name, sizeBytes }) => [encodeName(name), u32(sizeBytes)]));
}

/** The names in the body of an answer to `list`, which must be legal, ascending and behind `after`. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeStats(body: Uint8Array, after: string): ShardStat[] {
  const reader = new Reader(body);
  const stats: ShardStat[] = [];
  for (let last = after; !reader.isAtEnd;) {
    const stat = { name: reader.text(), sizeBytes: reader.u32() };
    if (!isShardName(stat.name) || stat.name <= last) throw malformed();
    stats.push(stat);
    last = stat.name;
  }
  return stats;
}

/** The hashes in the body of an answer to `verify`. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeHashes(body: Uint8Array): Uint8Array {
  if (body.length % HASH_SIZE !== 0) throw malformed();
  return body;
}

/** Room that a twin has with another one, in bytes. */
export interface Room {
  readonly quotaBytes: number;
  readonly usedBytes: number;
}

/** The body of an answer to `room`. */
export function encodeRoom({ quotaBytes, usedBytes }: Room): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, quotaBytes);
  view.setFloat64(8, usedBytes);
  return bytes;
}

/** The room in the body of an answer to `room`. Throws `TWIN_PEER_PROTOCOL`. */
export function decodeRoom(body: Uint8Array): Room {
  if (body.length !== 16) throw malformed();
  const view = new DataView(body.buffer, body.byteOffset);
  const room = { quotaBytes: view.getFloat64(0), usedBytes: view.getFloat64(8) };
  if (!Object.values(room).every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0)) throw malformed();
  return room;
}

/** Takes fields from a frame; anything that is not there is a wrong form. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#take(1)[0]!;
  }

  u32(): number {
    const bytes = this.#take(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  text(): string {
    // Names are ASCII: anything else becomes no name.
    return String.fromCodePoint(...this.#take(this.u8()));
  }

  rest(): Uint8Array {
    return this.#take(this.#bytes.length - this.#at);
  }

  end<T>(value: T): T {
    if (!this.isAtEnd) throw malformed();
    return value;
  }

  #take(size: number): Uint8Array {
    if (this.#at + size > this.#bytes.length) throw malformed();
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
}

function encodeName(name: string): Uint8Array {
  if (!isShardName(name)) throw new RangeError("A shard's name is 1 to 128 of a-z, 0-9, point and hyphen.");
  return encodeText(name);
}

function encodeText(text: string): Uint8Array {
  return concatBytes(Uint8Array.of(text.length), utf8Encode(text));
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function malformed(): TwinError {
  return new TwinError("TWIN_PEER_PROTOCOL", "The other host sent what /twin/shards/1 does not know.");
}
