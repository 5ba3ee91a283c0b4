// A twin from its export and its phrase: every file is checked against the signed list, every object gets the
// id that it had. What it makes is complete or is not there.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { concatBytes } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { EXPORT_PLACES } from "./export-twin.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { createKeystore } from "./identity/keystore.ts";
import { parsePhrase } from "./identity/phrase.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { makeTwinFolder } from "./new-twin-folder.ts";
import { openExport, type OpenExport } from "./open-files.ts";
import { placeForTwin } from "./other-twin-folder.ts";
import { isTwinFile } from "./replica.ts";
import { decodeRowLine } from "./row-lines.ts";
import { openSqliteStateStore } from "./state/sqlite-state-store.ts";
import type { StateStore, StateWrite } from "./state/state-store.ts";
import { awayTwinStores } from "./twin-stores.ts";
import { openTwinVault } from "./twin-vault.ts";
import type { ObjectInfo, Progress, Vault } from "./vault/object.ts";

/** What an import needs. */
export interface ImportRequest {
  /** The export. */
  readonly source: string;
  /** Data folder to make, absent or empty; with `name`, one that has a host. */
  readonly folder: string;
  /** As which other twin of the host; absent: as its first one. */
  readonly name?: string | undefined;
  /** As typed. Secret. */
  readonly phrase: string;
  readonly onProgress: Progress;
  readonly log: Log;
}

/** What was imported. */
export interface ImportReport {
  readonly twin: string;
  /** Where it is now. */
  readonly folder: string;
  /** That of the export. */
  readonly root: string;
  readonly rows: number;
  readonly objects: number;
}

/** One line of the list of objects. */
interface ListedObject extends Omit<ObjectInfo, "durability"> {
  readonly path: string;
}

const BATCH_LENGTH = 1_000;

/** Imports the twin. Throws `TWIN_PHRASE_INVALID`, `TWIN_CONFIG_INVALID`, `TWIN_SEAL_BROKEN`; there is no data folder then. */
export async function importTwin(request: ImportRequest): Promise<ImportReport> {
  const { source, phrase, onProgress, log } = request;
  const kernels = await openKernels();
  const entropy = parsePhrase(phrase);
  const identity = deriveIdentity(entropy, kernels);
  const folder = await placeForTwin(request.folder, { id: identity.id, name: request.name }, kernels);
  const opened = await openExport(source, identity.id);
  return await makeTwinFolder(folder, async (making) => {
    await using stack = new AsyncDisposableStack();
    await createKeystore(join(making, "keystore.json"), entropy, kernels);
    await mkdir(join(making, "twin"), { mode: 0o700 });
    const path = join(making, "twin", "state.sqlite");
    const key = identity.keys.state;
    const state = stack.use(
      await openSqliteStateStore({ path, key, twin: identity.id, kernels, random: systemRandom }),
    );
    const rows = await importTables(opened, state);
    await importFiles(opened, making);
    const { vault } = await openTwinVault(stack, {
      folder: making,
      identity,
      kernels,
      openTwinStore: awayTwinStores,
      log,
    });
    const objects = await importObjects(opened, vault, onProgress);
    return { twin: identity.id, folder, root: opened.manifest.root, rows, objects };
  });
}

async function importTables(opened: OpenExport, state: StateStore): Promise<number> {
  let rows = 0;
  for (const path of opened.paths) {
    if (!path.startsWith(EXPORT_PLACES.tables)) continue;
    const namespace = decodeURIComponent(path.slice(EXPORT_PLACES.tables.length, -".jsonl".length));
    let batch: StateWrite[] = [];
    for await (const line of linesOf(opened, path)) {
      batch.push({ namespace, ...decodeRowLine(line) });
      rows++;
      if (batch.length < BATCH_LENGTH) continue;
      await state.commit(batch);
      batch = [];
    }
    await state.commit(batch);
  }
  return rows;
}

async function importFiles(opened: OpenExport, folder: string): Promise<void> {
  for (const listed of opened.paths) {
    if (!listed.startsWith(EXPORT_PLACES.files)) continue;
    const path = listed.slice(EXPORT_PLACES.files.length);
    if (!isTwinFile(path)) throw new TwinError("TWIN_SEAL_BROKEN", "The export brings a file that is none of a twin.");
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    const bytes = concatBytes(...(await Array.fromAsync(opened.read(listed))));
    await writeFile(join(folder, path), bytes, { mode: 0o600, flush: true });
  }
}

async function importObjects(opened: OpenExport, vault: Vault, onProgress: Progress): Promise<number> {
  const list: ListedObject[] = [];
  for await (const line of linesOf(opened, EXPORT_PLACES.objectList)) list.push(JSON.parse(line) as ListedObject);
  const total = list.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  for (const { path, id, name, type, sizeBytes } of list) {
    const stored = await vault.put(opened.read(path), { name, type });
    if (stored.id !== id) throw new TwinError("TWIN_SEAL_BROKEN", `Object ${id} of the export became another one.`);
    done += sizeBytes;
    onProgress(done, total);
  }
  return list.length;
}

async function* linesOf(opened: OpenExport, path: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let rest = "";
  for await (const piece of opened.read(path)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") throw new TwinError("TWIN_SEAL_BROKEN", `The last line of ${path} has no end.`);
}
