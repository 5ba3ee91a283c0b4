// What a resumable upload leaves in the vault while it is not whole (docs/formats/web.md, section 8): one object
// that says what it will be, and one with the bytes that have come. Both are sealed and spread like any other; a
// host that was killed finds them again by their names.

import { concatBytes, jsonDecode, jsonEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type ObjectId, type ObjectInfo, type ObjectMeta, UPLOAD_TYPE, type Vault } from "../vault/object.ts";

/** What the vault must do for uploads. */
export type UploadVault = Pick<Vault, "put" | "read" | "find" | "forget" | "status">;

/** An upload as the vault has it. */
export interface KeptUpload {
  readonly id: string;
  readonly sizeBytes: number;
  readonly meta: ObjectMeta;
  /** When it began or its last bytes came, in ms since 1970. */
  readonly atMs: number;
  /** The object that says so. */
  readonly begun: ObjectId;
  /** The object with all bytes that have come, when some have. */
  readonly part: Pick<ObjectInfo, "id" | "sizeBytes"> | undefined;
}

type Plan = Pick<KeptUpload, "sizeBytes" | "meta">;

/** `begun ID TIME` or `part ID TIME`. */
const NAME = /^(begun|part) ([\w-]+) (\d+)$/;

/** Writes down that an upload begins. Throws as a put does. */
export async function keepBegun(
  { vault, clock }: { readonly vault: UploadVault; readonly clock: Clock },
  id: string,
  plan: Plan,
): Promise<KeptUpload> {
  const atMs = clock.nowMs();
  const info = await vault.put(once(jsonEncode(plan)), { type: UPLOAD_TYPE, name: `begun ${id} ${atMs}` });
  return { ...plan, id, atMs, begun: info.id, part: undefined };
}

/** Stores `source` behind what has come. Answers the upload as it is then; the part before is no longer needed. */
export async function keepMore(
  { vault, clock }: { readonly vault: UploadVault; readonly clock: Clock },
  upload: KeptUpload,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<KeptUpload> {
  const atMs = clock.nowMs();
  const meta = { type: UPLOAD_TYPE, name: `part ${upload.id} ${atMs}` };
  const part = await vault.put(source, meta, { after: upload.part?.id, signal });
  if (upload.part !== undefined && upload.part.id !== part.id) await forgetQuietly(vault, upload.part.id);
  return { ...upload, atMs, part };
}

/** Lets go of what was kept. What cannot be forgotten now is found, too old, at a later start. */
export async function forgetUpload(vault: UploadVault, { begun, part }: KeptUpload): Promise<void> {
  // The bytes first: alone they would be found by nobody.
  if (part !== undefined) await forgetQuietly(vault, part.id);
  await forgetQuietly(vault, begun);
}

/** All uploads that the vault keeps. What belongs to none of them is forgotten. */
export async function findUploads(vault: UploadVault): Promise<KeptUpload[]> {
  const objects = (await vault.find(({ type }) => type === UPLOAD_TYPE)).map((info) => ({ info, ...parseName(info) }));
  const uploads: KeptUpload[] = [];
  const needed = new Set<ObjectId>();
  for (const { kind, id, atMs, info } of objects) {
    if (kind !== "begun") continue;
    const plan = jsonDecode(concatBytes(...(await Array.fromAsync(vault.read(info.id))))) as Plan;
    const parts = objects.filter((object) => object.kind === "part" && object.id === id);
    // Of two, the longer one contains the other: a kill came between storing and forgetting.
    const part = parts.toSorted((left, right) => right.info.sizeBytes - left.info.sizeBytes)[0];
    uploads.push({ ...plan, id, atMs: Math.max(atMs, part?.atMs ?? 0), begun: info.id, part: part?.info });
    for (const { id: object } of [info, ...(part === undefined ? [] : [part.info])]) needed.add(object);
  }
  for (const { info } of objects) if (!needed.has(info.id)) await forgetQuietly(vault, info.id);
  return uploads;
}

function parseName({ name }: ObjectInfo): { readonly kind: string; readonly id: string; readonly atMs: number } {
  const [, kind = "", id = "", atMs = "0"] = NAME.exec(name) ?? [];
  return { kind, id, atMs: Number(atMs) };
}

async function forgetQuietly(vault: UploadVault, object: ObjectId): Promise<void> {
  await vault.forget(object).catch(() => {});
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
