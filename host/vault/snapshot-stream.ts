// A snapshot of the twin as a stream: rows and files, and a hash over all at the end. Items stand one
// behind the other without padding or counters, so that what did not change is the same bytes again, and
// is not stored again.

import { concatBytes, equalBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { decodeWrites, RecordWriter } from "../state/journal-record.ts";
import type { StateWrite } from "../state/state-store.ts";

const MAGIC = utf8Encode("TWINSNP1");
/** Kind (1), size of what follows (4). */
const HEAD_SIZE = 5;
const KINDS = { end: 0, rows: 1, file: 2 } as const;
const PATH_HEAD_SIZE = 2;

/** A file of the twin's folders; the path is relative, with `/`. */
export interface SnapshotFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What a snapshot is made of. */
export interface SnapshotContent {
  /** All rows, in any pages. */
  rows(): AsyncIterable<readonly StateWrite[]>;
  files(): AsyncIterable<SnapshotFile>;
}

/** One item of a snapshot. */
export type SnapshotItem = { readonly rows: readonly StateWrite[] } | { readonly file: SnapshotFile };

/** The stream of a snapshot. */
export async function* encodeSnapshot(
  content: SnapshotContent,
  kernels: Pick<Kernels, "createHasher">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = kernels.createHasher();
  const emit = (bytes: Uint8Array): Uint8Array => {
    hasher.update(bytes);
    return bytes;
  };
  yield emit(MAGIC);
  const writer = new RecordWriter();
  for await (const page of content.rows()) {
    // One item for each row: items of many would shift with every row that comes in between.
    const items = page.map((row) => {
      writer.add(row);
      return item(KINDS.rows, writer.take());
    });
    yield emit(concatBytes(...items));
  }
  for await (const { path, bytes } of content.files()) {
    const name = utf8Encode(path);
    yield emit(item(KINDS.file, concatBytes(Uint8Array.of(name.length & 0xff, name.length >>> 8), name, bytes)));
  }
  yield item(KINDS.end, hasher.digest());
}

/** The items of a snapshot. They may be used only after the last one came: only then the hash has held. Throws `TWIN_SEAL_BROKEN`. */
export async function* decodeSnapshot(
  source: AsyncIterable<Uint8Array>,
  kernels: Pick<Kernels, "createHasher">,
): AsyncGenerator<SnapshotItem, void, undefined> {
  const hasher = kernels.createHasher();
  const reader = new PieceReader(source);
  const magic = await reader.take(MAGIC.length);
  if (!equalBytes(magic, MAGIC)) throw broken("it begins as something else");
  hasher.update(magic);
  for (;;) {
    const head = await reader.take(HEAD_SIZE);
    const size = new DataView(head.buffer, head.byteOffset).getUint32(1, true);
    if (size > LIMITS.vault.snapshotItemSizeBytes) throw broken("an item is too large");
    const body = await reader.take(size);
    if (head[0] === KINDS.end) {
      if (!equalBytes(body, hasher.digest())) throw broken("its hash does not hold");
      return;
    }
    hasher.update(head).update(body);
    yield decodeItem(head[0]!, body);
  }
}

function decodeItem(kind: number, body: Uint8Array): SnapshotItem {
  try {
    if (kind === KINDS.rows) return { rows: decodeWrites(body) };
    if (kind === KINDS.file) return { file: decodeFile(body) };
  } catch {
    throw broken("an item has no form");
  }
  throw broken("an item is of an unknown kind");
}

function item(kind: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD_SIZE);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, body.length, true);
  return concatBytes(head, body);
}

function decodeFile(body: Uint8Array): SnapshotFile {
  const end = PATH_HEAD_SIZE + (body[0] ?? 0) + (body[1] ?? 0) * 256;
  return { path: utf8Decode(body.subarray(PATH_HEAD_SIZE, end)), bytes: body.subarray(end) };
}

/** Takes exact sizes from a stream of pieces. */
class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  async take(size: number): Promise<Uint8Array> {
    const parts = [this.#rest];
    let sizeBytes = this.#rest.length;
    while (sizeBytes < size) {
      const next = await this.#pieces.next();
      if (next.done === true) throw broken("it ends too early");
      parts.push(next.value);
      sizeBytes += next.value.length;
    }
    const whole = parts.length === 1 ? parts[0]! : concatBytes(...parts);
    this.#rest = whole.subarray(size);
    return whole.slice(0, size);
  }
}

function broken(why: string): TwinError {
  return new TwinError("TWIN_SEAL_BROKEN", `This is no snapshot of a twin: ${why}.`);
}
