// A put: stream -> chunks -> blocks -> manifest tree, in flat memory; all of it known at the end, or nothing.

import { base58Encode } from "../identity/base58.ts";
import { abortable, throwIfAborted } from "./abortable.ts";
import { type BlockPart, createManifestBuilder, type ManifestBuilder } from "./manifest-tree.ts";
import { type ObjectId, type ObjectInfo, type ObjectMeta, type Progress, SNAPSHOT_TYPE } from "./object.ts";
import { chunksOf, readChunk, withChunkBefore } from "./object-chunks.ts";
import { type CheckedMeta, checkMeta } from "./object-meta.ts";
import { type PutSession, createPutSession } from "./put-session.ts";
import { requireRoom } from "./quota.ts";
import type { SharedTail } from "./shared-tail.ts";
import { answeringStores } from "./standing.ts";
import type { ObjectRecord } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** What a put is told. */
export interface PutRequest {
  readonly source: AsyncIterable<Uint8Array>;
  readonly meta: ObjectMeta;
  readonly compress?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: Progress | undefined;
  readonly after?: ObjectId | undefined;
}

/** Stores an object, whose small end may share a segment with those of others at the `tail`; see `Vault.put`. */
export async function putObject(parts: VaultParts, tail: SharedTail, request: PutRequest): Promise<ObjectInfo> {
  const meta = checkMeta(request.meta);
  throwIfAborted(request.signal);
  const session = createPutSession(parts, await answeringStores(parts));
  try {
    const { id, record } = await storeAll(parts, session, { ...request, meta });
    throwIfAborted(request.signal);
    await session.commit(id, record, tail);
    return { id: base58Encode(id), ...record, durability: "dispersed" };
  } catch (thrown) {
    await session.abandon();
    throw thrown;
  }
}

async function storeAll(
  parts: VaultParts,
  session: PutSession,
  request: PutRequest & { readonly meta: CheckedMeta },
): Promise<{ readonly id: Uint8Array; readonly record: ObjectRecord }> {
  const { source, signal, onProgress, meta, compress = true } = request;
  // Manifests are hashes: nothing to be saved.
  const tree = createManifestBuilder((kind, block) => session.store(kind, block, false));
  let taken = 0;
  let last: BlockPart | undefined;
  for await (const chunk of request.after === undefined ? [] : chunksOf(parts, request.after)) {
    throwIfAborted(signal);
    if (last !== undefined) taken += await addAgain(parts, { session, tree, compress }, last);
    last = chunk;
  }
  // Its end was the end of a stream: more bytes may move it.
  const rest = last === undefined ? source : withChunkBefore(parts, last.id, source);
  for await (const chunk of session.storeStream(abortable(rest, signal), compress)) {
    await tree.add(chunk);
    taken += chunk.sizeBytes;
    // Content that the vault has already counts too: it may leave the other object.
    if (meta.type !== SNAPSHOT_TYPE) requireRoom(parts, taken);
    onProgress?.(taken, undefined);
  }
  const { id, sizeBytes } = await tree.finish(meta);
  return { id, record: { sizeBytes, ...meta } };
}

/** Takes over a chunk of another object, which is stored again if it does not stand as a fresh one would. Answers its size. */
async function addAgain(
  parts: VaultParts,
  {
    session,
    tree,
    compress,
  }: { readonly session: PutSession; readonly tree: ManifestBuilder; readonly compress: boolean },
  chunk: BlockPart,
): Promise<number> {
  if (!session.reuse(chunk.id)) await session.store("data", await readChunk(parts, chunk.id), compress);
  await tree.add(chunk);
  return chunk.sizeBytes;
}
