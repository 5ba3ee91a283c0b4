// A restore drill: the twin is read back from its stores as they are, into a throw-away place, and must be the twin
// that runs: row by row, file by file, and no object of its owner less.

import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import { compareBytes, equalBytes, hexEncode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { Engine } from "./engine/engine.ts";
import { followRows } from "./follow-rows.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { createReplicaSource } from "./replica.ts";
import { readTwin, type RestoredTwin } from "./restore.ts";
import { type StoreLine, writeStoreFile } from "./store-book.ts";
import type { StateKey, StateStore, StateWrite } from "./state/state-store.ts";
import type { TwinStores } from "./twin-stores.ts";
import type { TwinVault } from "./twin-vault.ts";
import { createLocator } from "./vault/locator.ts";
import { isHostType, type ObjectId, type ObjectInfo } from "./vault/object.ts";
import { findRoots } from "./vault/root-record.ts";
import { parseStoreLocation } from "./vault/store-location.ts";

/** What a drill needs. */
export interface DrillParts extends TwinVault {
  /** The data folder. */
  readonly folder: string;
  readonly twinStores: TwinStores;
  /** Opened to be followed. */
  readonly engine: Pick<Engine, "listen" | "stateRows" | "writeTable">;
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly log: Log;
}

/** So many rows that differ are enough to know. */
const DIFFERENCES_MAX = 1_000;
const FIRST = Uint8Array.of(0);

/**
 * Restores the twin into a folder that is then deleted. `flush` puts all that was told before into the vault; what
 * is written while the drill goes on is not compared. Throws what a restore throws, `TWIN_OBJECT_LOST` when objects
 * would not come back, `TWIN_SEAL_BROKEN` when something that would is not what the twin has.
 */
export async function drillOnce(parts: DrillParts, flush: () => Promise<void>): Promise<void> {
  const { folder, stores, twinStores, vault, engine, identity, kernels, log } = parts;
  const place = join(folder, "drill");
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { mode: 0o700 });
  try {
    const written = new Set<string>();
    using followed = followRows(engine, (writes) => {
      for (const at of writes) written.add(nameOf(at));
    });
    const files = await hashFiles(parts, folder);
    const objects = await vault.find(({ type }) => !isHostType(type));
    await flush();
    await writeStoreFile(place, { stores: stores.lines().map((line) => atHome(folder, line)) });
    const locator = createLocator(identity.keys.locator, kernels, systemRandom);
    const { newest } = await findRoots({ identity, locator, kernels }, vault.notes);
    if (newest === undefined) throw new TypeError("A flushed replicator has a root record.");
    const { rows, ticks } = await readTwin(place, newest.record, {
      identity,
      kernels,
      log,
      openTwinStore: twinStores.open,
      // What it finds empty there the running vault misses: a mark that all is well is not its to give.
      isReadOnly: true,
      onRead: async (restored) => {
        await compareObjects(parts, restored, objects);
        const differing = await differingRows(parts, restored, written);
        await followed.end();
        const wrong = differing.filter((name) => !written.has(name));
        if (wrong.length > 0) throw differs(`${wrong.length} rows of its tables`);
      },
    });
    await compareFiles(parts, files, await hashFiles(parts, place));
    log.info({ rows, ticks, objects: objects.length, files: files.size }, "the restore drill succeeded");
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Names of rows that are not the same in both, some that were written meanwhile among them. */
async function differingRows(
  { engine, folder }: DrillParts,
  { state, namespaces }: RestoredTwin,
  written: ReadonlySet<string>,
): Promise<string[]> {
  const differing: string[] = [];
  const [live, back] = [single(createReplicaSource(engine, folder).rows()), rowsOf(state, namespaces)];
  let [left, right] = [await live.next(), await back.next()];
  while ((left.done !== true || right.done !== true) && differing.length < DIFFERENCES_MAX) {
    const order = orderOf(left, right);
    const row = (order <= 0 ? left : right).value!;
    const isSame = order === 0 && equalBytes(left.value!.value!, right.value!.value!);
    if (!isSame && !written.has(nameOf(row))) differing.push(nameOf(row));
    if (order <= 0) left = await live.next();
    if (order >= 0) right = await back.next();
  }
  await live.return();
  return differing;
}

type Row = IteratorResult<StateWrite, void>;

/** Which of the two comes first; one that has ended comes last. */
function orderOf(left: Row, right: Row): number {
  if (left.done === true) return 1;
  if (right.done === true) return -1;
  const [one, other] = [left.value, right.value];
  if (one.namespace !== other.namespace) return one.namespace < other.namespace ? -1 : 1;
  return compareBytes(one.key, other.key);
}

async function* single<T>(pages: AsyncIterable<readonly T[]>): AsyncGenerator<T, void, undefined> {
  for await (const page of pages) yield* page;
}

/** All rows in order, as {@link createReplicaSource} gives those of the twin that runs. */
async function* rowsOf(
  state: Pick<StateStore, "scan">,
  namespaces: ReadonlySet<string>,
): AsyncGenerator<StateWrite, void, undefined> {
  for (const namespace of [...namespaces].toSorted((left, right) => (left < right ? -1 : 1))) {
    let start: Uint8Array = FIRST;
    for (;;) {
      const page = state.scan({ namespace, start, limit: LIMITS.state.scanCount });
      for (const { key, value } of page) yield { namespace, key, value };
      const last = page.at(-1);
      if (last === undefined || page.length < LIMITS.state.scanCount) break;
      start = Uint8Array.of(...last.key, 0);
    }
  }
}

/** Each object that the twin has since the drill began would be there, and could be read. */
async function compareObjects(
  { vault }: DrillParts,
  restored: RestoredTwin,
  objects: readonly ObjectInfo[],
): Promise<void> {
  const wanted = new Set(objects.map(({ id }) => id));
  const loseUnlessForgotten = async (id: ObjectId): Promise<void> => {
    wanted.delete(id);
    if ((await vault.stat(id)) === undefined) return;
    throw new TwinError(
      "TWIN_OBJECT_LOST",
      `Object ${id} would not come back: too few stores have it. Bring stores back, then scrub.`,
      { object: id },
    );
  };
  for (const { id } of objects) {
    if ((await restored.vault.stat(id)) === undefined) await loseUnlessForgotten(id);
  }
  for (;;) {
    const unreadable = await restored.vault.findUnreadable((id) => wanted.has(id));
    if (unreadable === undefined) return;
    await loseUnlessForgotten(unreadable);
  }
}

/** SHA-256 of the files of packages and experiences below `folder`, by path. */
async function hashFiles({ engine }: DrillParts, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const { path, bytes } of createReplicaSource(engine, folder).files()) {
    files.set(path, createHash("sha256").update(bytes).digest("hex"));
  }
  return files;
}

/** Each file that the twin has since the drill began is there, and the same. */
async function compareFiles(
  parts: DrillParts,
  before: ReadonlyMap<string, string>,
  restored: ReadonlyMap<string, string>,
): Promise<void> {
  const now = await hashFiles(parts, parts.folder);
  const wrong = [...before].filter(([path, hash]) => now.get(path) === hash && restored.get(path) !== hash);
  if (wrong.length > 0) throw differs(`${wrong.length} files of its packages and experiences`);
}

function differs(what: string): TwinError {
  return new TwinError(
    "TWIN_SEAL_BROKEN",
    `What would come back is not what the twin has: ${what} differ. Start the host anew, which makes a fresh copy, and drill again; if it stays so, export the twin.`,
  );
}

function nameOf({ namespace, key }: StateKey): string {
  return `${namespace} ${hexEncode(key)}`;
}

/** The line as it reads from another folder. */
function atHome(folder: string, line: StoreLine): StoreLine {
  const isRelative = parseStoreLocation(line.location).kind === "directory" && !isAbsolute(line.location);
  return isRelative ? { ...line, location: join(folder, line.location) } : line;
}
