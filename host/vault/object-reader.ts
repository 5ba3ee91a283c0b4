// Reads a range of an object: walks its manifest to the blocks in range, opens only their frames in
// range, and fetches the next blocks while the last one is being consumed.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { throwIfAborted } from "./abortable.ts";
import type { ManifestNode } from "./manifest.ts";
import { type BlockPart, walkManifest } from "./manifest-tree.ts";
import type { ObjectId } from "./object.ts";
import { decodeObjectId } from "./object-id.ts";
import { createPace } from "./pace.ts";
import { createRebuiltSegments } from "./rebuilt-segments.ts";
import type { ObjectRecord, VaultIndex } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** From here on a read is worth whole segments and workers. */
const LONG_SIZE = 2 * LIMITS.vault.chunkSizeBytesMax;

/** What a read is told. */
export interface ReadRequest {
  readonly id: ObjectId;
  readonly offset?: number | undefined;
  readonly sizeBytes?: number | undefined;
  readonly signal: AbortSignal;
}

type ReadParts = Pick<VaultParts, "blocks" | "manifests" | "buffers" | "clock"> & {
  readonly index: Pick<VaultIndex, "object">;
};

/** The bytes in range, see `Vault.read`. */
export async function* readObject(parts: ReadParts, request: ReadRequest): AsyncGenerator<Uint8Array, void, undefined> {
  throwIfAborted(request.signal);
  const id = decodeObjectId(request.id);
  const record = id && parts.index.object(id);
  if (id === undefined || record === undefined) {
    throw new TwinError("TWIN_OBJECT_UNKNOWN", "No object of this id was ever put here.", { object: request.id });
  }
  const range = rangeOf(record, request);
  if (range.offset === range.end) return;
  using rebuilt = range.end - range.offset < LONG_SIZE ? undefined : createRebuiltSegments(parts.buffers);
  const load = (node: Uint8Array): Promise<ManifestNode> => parts.manifests.read(node, createPace(parts.clock));
  const read = (part: BlockPart): Promise<Uint8Array> =>
    parts.blocks.read(part.id, part.offset, part.sizeBytes, { pace: createPace(parts.clock), rebuilt });
  // Some parts are read before the consumer asks.
  const ahead: Promise<Uint8Array>[] = [];
  try {
    for await (const part of walkManifest(await load(id), range, load)) {
      throwIfAborted(request.signal);
      const next = read(part);
      // Its failure is met when its turn comes; a consumer that stops before never asks.
      next.catch(() => {});
      ahead.push(next);
      if (ahead.length > LIMITS.vault.readAheadCount) yield await ahead.shift()!;
    }
    for (const next of ahead) {
      throwIfAborted(request.signal);
      yield await next;
    }
  } catch (thrown) {
    throw lossOf(request.id, thrown);
  }
}

function rangeOf(record: ObjectRecord, request: ReadRequest): { readonly offset: number; readonly end: number } {
  const offset = request.offset ?? 0;
  const sizeBytes = request.sizeBytes ?? record.sizeBytes - offset;
  const end = offset + sizeBytes;
  if (![offset, sizeBytes].every((value) => Number.isSafeInteger(value) && value >= 0) || end > record.sizeBytes) {
    throw new TwinError(
      "TWIN_OBJECT_RANGE",
      `The object has ${record.sizeBytes} bytes; the range must lie within them.`,
      { sizeBytes: record.sizeBytes },
    );
  }
  return { offset, end };
}

/** A loss names the object as well as the segment. */
function lossOf(object: ObjectId, thrown: unknown): unknown {
  if (!(thrown instanceof TwinError)) return thrown;
  if (thrown.code !== "TWIN_OBJECT_LOST" && thrown.code !== "TWIN_SEAL_BROKEN") return thrown;
  const message = `Object ${object} cannot be read now. ${thrown.message}`;
  return new TwinError("TWIN_OBJECT_LOST", message, { ...thrown.details, object }, thrown);
}
