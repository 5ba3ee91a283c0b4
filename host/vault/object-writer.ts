// A put: stream -> chunks -> blocks -> manifest tree, in flat memory; all of it known at the end, or nothing.

import { base58Encode } from "../identity/base58.ts";
import { utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { abortable, throwIfAborted } from "./abortable.ts";
import { createManifestBuilder } from "./manifest-tree.ts";
import { type ObjectInfo, type ObjectMeta, type Progress, SNAPSHOT_TYPE } from "./object.ts";
import { type PutSession, createPutSession } from "./put-session.ts";
import type { ObjectRecord } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

const DEFAULT_TYPE = "application/octet-stream";

/** What a put is told. */
export interface PutRequest {
  readonly source: AsyncIterable<Uint8Array>;
  readonly meta: ObjectMeta;
  readonly signal: AbortSignal;
  readonly onProgress?: Progress | undefined;
}

/** Stores an object; see `Vault.put`. */
export async function putObject(parts: VaultParts, request: PutRequest): Promise<ObjectInfo> {
  const meta = checkMeta(request.meta);
  throwIfAborted(request.signal);
  const problems = await parts.marks.check();
  const session = createPutSession(parts, (store) => problems.has(store) && problems.get(store) === undefined);
  try {
    const { id, record } = await storeAll(parts, session, { ...request, meta });
    throwIfAborted(request.signal);
    await session.commit(id, record);
    return { id: base58Encode(id), ...record, durability: "dispersed" };
  } catch (thrown) {
    await session.abandon();
    throw thrown;
  }
}

async function storeAll(
  parts: VaultParts,
  session: PutSession,
  request: PutRequest & { readonly meta: { readonly type: string; readonly name: string } },
): Promise<{ readonly id: Uint8Array; readonly record: ObjectRecord }> {
  const { source, signal, onProgress, meta } = request;
  const tree = createManifestBuilder((kind, block) => session.store(kind, block));
  let taken = 0;
  for await (const chunk of session.storeStream(abortable(source, signal))) {
    await tree.add(chunk);
    taken += chunk.sizeBytes;
    if (meta.type !== SNAPSHOT_TYPE) requireRoom(parts, taken);
    onProgress?.(taken, undefined);
  }
  const { id, sizeBytes } = await tree.finish(meta);
  return { id, record: { sizeBytes, ...meta } };
}

/** Before anything is acknowledged, and before more of it is sent. Content that the vault has already counts too: it may leave the other object. */
function requireRoom({ quota, census }: Pick<VaultParts, "quota" | "census">, taken: number): void {
  const { sizeBytes } = census.objects;
  if (quota.bytes === undefined || sizeBytes + taken <= quota.bytes) return;
  throw new TwinError(
    "TWIN_STORE_FULL",
    `The vault may hold ${quota.bytes} bytes and holds ${sizeBytes}: nothing was stored; forget something or raise its quota.`,
    { quotaBytes: quota.bytes, sizeBytes },
  );
}

function checkMeta({ type = DEFAULT_TYPE, name = "" }: ObjectMeta): { readonly type: string; readonly name: string } {
  const { objectNameSizeBytes, objectTypeSizeBytes } = LIMITS.vault;
  const checked = { type: type === "" ? DEFAULT_TYPE : type, name };
  if (utf8Encode(checked.name).length > objectNameSizeBytes) {
    throw new TwinError(
      "TWIN_LIMIT_EXCEEDED",
      `An object's name has at most ${objectNameSizeBytes} bytes: shorten it.`,
    );
  }
  if (utf8Encode(checked.type).length > objectTypeSizeBytes) {
    throw new TwinError("TWIN_LIMIT_EXCEEDED", `A media type has at most ${objectTypeSizeBytes} bytes: shorten it.`);
  }
  return checked;
}
