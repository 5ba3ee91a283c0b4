// The whole twin as files that any program can read: its tables, its packages and experiences, its objects
// (docs/formats/export.md). In the clear: whoever exports takes the twin out of its vault.

import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";

import { utf8Encode } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Random } from "./base/random.ts";
import type { Engine } from "./engine/engine.ts";
import { followRows } from "./follow-rows.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { makeTwinFolder } from "./new-twin-folder.ts";
import { ExportWriter } from "./open-files.ts";
import { createReplicaSource } from "./replica.ts";
import { encodeRowLine } from "./row-lines.ts";
import type { ExportReport } from "./rpc/api.ts";
import { openSqliteStateStore } from "./state/sqlite-state-store.ts";
import type { StateStore, StateWrite } from "./state/state-store.ts";
import { isHostType, type ObjectInfo, type Progress, type Vault } from "./vault/object.ts";

/** Where an export keeps what. */
export const EXPORT_PLACES = {
  tables: "tables/",
  files: "files/",
  objects: "objects/",
  objectList: "objects.jsonl",
} as const;

const NAME_LENGTH_MAX = 80;
const FIRST = Uint8Array.of(0);

/** What exporting needs. */
export interface ExportParts {
  /** The data folder. */
  readonly folder: string;
  /** Opened to be followed. */
  readonly engine: Engine;
  readonly vault: Pick<Vault, "find" | "read">;
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Writes everything into `target`, which is absent or empty; it is there whole or not at all. Tables are those of one
 * moment, objects those that the twin has then. Throws `TWIN_CONFIG_INVALID`, `TWIN_OBJECT_LOST`, `TWIN_INPUT_INVALID`
 * when the folder cannot be written, `TWIN_ENGINE_RESTARTED` when the engine's worker died meanwhile.
 */
export async function exportTwin(parts: ExportParts, target: string, onProgress: Progress): Promise<ExportReport> {
  const atMs = parts.clock.nowMs();
  const place = join(parts.folder, "export");
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { mode: 0o700 });
  try {
    return await makeTwinFolder(target, async (making) => {
      const writer = new ExportWriter(making);
      const rows = await writeTables(parts, writer, join(place, "state.sqlite"));
      let sizeBytes = 0;
      for await (const { path, bytes } of createReplicaSource(parts.engine, parts.folder).files()) {
        sizeBytes += await writer.write(EXPORT_PLACES.files + path, once(bytes));
      }
      const objects = (await parts.vault.find(({ type }) => !isHostType(type))).toSorted(byId);
      sizeBytes += await writeObjects(parts, { writer, objects, onProgress });
      return { ...(await writer.finish(parts.identity, atMs)), rows, objects: objects.length, sizeBytes };
    });
  } catch (thrown) {
    throw asFolderError(thrown, target);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Writes each table as lines, through a throw-away file that brings all of them to one moment. Answers how many rows. */
async function writeTables(
  { engine, folder, identity, kernels, random }: ExportParts,
  writer: ExportWriter,
  path: string,
): Promise<number> {
  await using state = await openSqliteStateStore({
    path,
    key: identity.keys.state,
    twin: identity.id,
    kernels,
    random,
  });
  const namespaces = new Set<string>();
  const take = async (writes: readonly StateWrite[]): Promise<void> => {
    for (const { namespace } of writes) namespaces.add(namespace);
    await state.commit(writes);
  };
  const written: (readonly StateWrite[])[] = [];
  using followed = followRows(engine, (writes) => written.push(writes));
  for await (const page of createReplicaSource(engine, folder).rows()) await take(page);
  await followed.end();
  for (const writes of written) await take(writes);
  let rows = 0;
  for (const namespace of [...namespaces].toSorted((left, right) => (left < right ? -1 : 1))) {
    const table = EXPORT_PLACES.tables + namespace.replaceAll(/[^\w$.-]/gu, encodeURIComponent);
    await writer.write(
      `${table}.jsonl`,
      lines(state, namespace, () => rows++),
    );
  }
  return rows;
}

async function* lines(
  state: StateStore,
  namespace: string,
  onRow: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let start: Uint8Array = FIRST;
  for (;;) {
    const page = state.scan({ namespace, start, limit: LIMITS.state.scanCount });
    yield utf8Encode(page.map((row) => `${encodeRowLine(row)}\n`).join(""));
    page.forEach(onRow);
    const last = page.at(-1);
    if (last === undefined || page.length < LIMITS.state.scanCount) return;
    start = Uint8Array.of(...last.key, 0);
  }
}

/** Writes the objects and the list of them. Answers their bytes. */
async function writeObjects(
  { vault }: ExportParts,
  export_: { readonly writer: ExportWriter; readonly objects: readonly ObjectInfo[]; readonly onProgress: Progress },
): Promise<number> {
  const { writer, objects, onProgress } = export_;
  const total = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  const list: string[] = [];
  for (const { id, name, type, sizeBytes } of objects) {
    const path = `${EXPORT_PLACES.objects}${id.slice(0, 12)}-${fileName(name)}`;
    const free = writer.has(path) ? `${EXPORT_PLACES.objects}${id}-${fileName(name)}` : path;
    await writer.write(free, vault.read(id));
    list.push(`${JSON.stringify({ path: free, id, name, type, sizeBytes })}\n`);
    done += sizeBytes;
    onProgress(done, total);
  }
  await writer.write(EXPORT_PLACES.objectList, once(utf8Encode(list.join(""))));
  return total;
}

/** A name that every file system takes. */
function fileName(name: string): string {
  const safe = name
    .replaceAll(/[\p{C}\\/:*?"<>|]/gu, "_")
    .slice(0, NAME_LENGTH_MAX)
    .replace(/[. ]+$/u, "");
  return safe === "" ? "object" : safe;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function byId(left: ObjectInfo, right: ObjectInfo): number {
  return left.id < right.id ? -1 : 1;
}

function asFolderError(thrown: unknown, target: string): unknown {
  const isSystem = thrown instanceof Error && "syscall" in thrown;
  if (!isSystem) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  return new TwinError("TWIN_INPUT_INVALID", `${resolve(target)} cannot be written: ${code}.`, {}, thrown);
}
