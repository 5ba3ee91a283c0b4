// From the phrase and some stores to the whole twin: finds its newest root, makes the index anew, reads
// everything back. What it makes is complete or is not there.

import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

import { systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { Identity } from "./identity/identity.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { createKeystore } from "./identity/keystore.ts";
import { parsePhrase } from "./identity/phrase.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { asFolderFailure, makeTwinFolder } from "./new-twin-folder.ts";
import { placeForTwin } from "./other-twin-folder.ts";
import { isTwinFile } from "./replica.ts";
import { openSqliteStateStore } from "./state/sqlite-state-store.ts";
import type { StateStore, StateWrite } from "./state/state-store.ts";
import { openStoreLine, type StoreLine, writeStoreFile } from "./store-book.ts";
import { awayTwinStores } from "./twin-stores.ts";
import { CODE, openTwinVault } from "./twin-vault.ts";
import { guardStore, type GuardedStore } from "./vault/guarded-store.ts";
import { createLocator } from "./vault/locator.ts";
import { createNoteBoard } from "./vault/note-board.ts";
import type { Vault, WeakestObject } from "./vault/object.ts";
import type { OpenTwinStore } from "./vault/open-store.ts";
import { readReplica, type ReplicaContent, type ReplicaSink } from "./vault/read-replica.ts";
import { findRoots, type RootRecord } from "./vault/root-record.ts";
import { recogniseStore } from "./vault/store-marks.ts";
import { parseStoreLocation } from "./vault/store-location.ts";
import { deriveVaultKeys } from "./vault/vault-keys.ts";

/** What a restore needs. */
export interface RestoreRequest {
  /** Data folder to make, absent or empty; with `name`, one that has a host. */
  readonly folder: string;
  /** As which other twin of the host; absent: as its first one. */
  readonly name?: string | undefined;
  /** As typed. Secret. */
  readonly phrase: string;
  /** Where stores of the twin are: paths or URLs. The others are learnt from them. */
  readonly locations: readonly string[];
  readonly log: Log;
}

/** What was restored. */
export interface RestoreReport extends ReplicaContent {
  readonly twin: string;
  /** Number of the root record. */
  readonly rootSequence: number;
  readonly objectCount: number;
  /** How many more stores may be lost now; negative when something cannot be read. Scrub to make missing shards again. */
  readonly margin: number;
  /** What the next losses would cost first, or these have cost; absent while every shard stands. */
  readonly weakest?: WeakestObject | undefined;
}

const BATCH_LENGTH = 1_000;
/** A host makes a new root a few times a day; one that does so faster than it can be read is not waited for. */
const TRIES_MAX = 4;

/** Restores the twin. Throws `TWIN_PHRASE_INVALID`, `TWIN_CONFIG_INVALID`, `TWIN_OBJECT_UNKNOWN` when the stores know nothing of it, `TWIN_OBJECT_LOST` when they are too few, `TWIN_HOST_FOLDER` when the disk fails; there is no data folder then. */
export async function restoreTwin(request: RestoreRequest): Promise<RestoreReport & { readonly folder: string }> {
  const { log } = request;
  const kernels = await openKernels();
  const entropy = parsePhrase(request.phrase);
  const identity = deriveIdentity(entropy, kernels);
  const folder = await placeForTwin(request.folder, { id: identity.id, name: request.name }, kernels);
  const keys = { identity, kernels, log };
  const restoreFrom = ({ root, lines }: FoundTwin): Promise<RestoreReport> =>
    makeTwinFolder(folder, async (making) => {
      await createKeystore(join(making, "keystore.json"), entropy, kernels);
      await writeStoreFile(making, { stores: lines });
      return await readTwin(making, root, keys);
    });
  let found = await findTwin(request.locations, keys);
  for (let tries = 1; ; tries++) {
    try {
      return { ...(await restoreFrom(found)), folder };
    } catch (cause) {
      const thrown = asFolderFailure(cause, folder);
      // Its host may run, and have replaced what was being read.
      const next = tries < TRIES_MAX && isLoss(thrown) ? await findTwin(request.locations, keys) : found;
      if (next.root.sequence === found.root.sequence) throw thrown;
      log.info({ rootSequence: next.root.sequence }, "the twin has moved on while it was read: once more");
      found = next;
    }
  }
}

function isLoss(thrown: unknown): boolean {
  return thrown instanceof TwinError && (thrown.code === "TWIN_OBJECT_LOST" || thrown.code === "TWIN_OBJECT_UNKNOWN");
}

interface TwinKeys {
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly log: Log;
  /** Without it, stores over other twins are away. */
  readonly openTwinStore?: OpenTwinStore | undefined;
  /** Whether the stores stay as they are: they are those of a host that runs. */
  readonly isReadOnly?: boolean | undefined;
  /** Looks at what was read, while it is open. What it throws is thrown. */
  readonly onRead?: ((restored: RestoredTwin) => Promise<void>) | undefined;
}

/** What was read, and is still open. */
export interface RestoredTwin {
  readonly vault: Vault;
  readonly state: StateStore;
  /** Those that have rows, or had some. */
  readonly namespaces: ReadonlySet<string>;
}

/** Reads the twin of `root` into `folder`, which holds its list of stores. */
export async function readTwin(
  folder: string,
  root: RootRecord,
  { openTwinStore = awayTwinStores, onRead, ...keys }: TwinKeys,
): Promise<RestoreReport> {
  const { identity, kernels } = keys;
  await using stack = new AsyncDisposableStack();
  const { vault } = await openTwinVault(stack, { folder, openTwinStore, ...keys });
  if ((await vault.stat(root.snapshot)) === undefined) {
    const answering = (await vault.status()).stores.filter(({ shardCount }) => shardCount > 0).length;
    throw new TwinError(
      "TWIN_OBJECT_LOST",
      `The newest copy of the twin cannot be rebuilt from ${answering} stores: name more of them.`,
      { stores: answering },
    );
  }
  await mkdir(join(folder, "twin"), { recursive: true, mode: 0o700 });
  const state = stack.use(
    await openSqliteStateStore({
      path: join(folder, "twin", "state.sqlite"),
      key: identity.keys.state,
      twin: identity.id,
      kernels,
      random: systemRandom,
    }),
  );
  let batch: StateWrite[] = [];
  const namespaces = new Set<string>();
  const sink: ReplicaSink = {
    async rows(rows) {
      for (const { namespace } of rows) namespaces.add(namespace);
      batch.push(...rows);
      if (batch.length >= BATCH_LENGTH) await state.commit(batch.splice(0));
    },
    async file({ path, bytes }) {
      if (!isTwinFile(path)) throw new TwinError("TWIN_SEAL_BROKEN", "The copy brings a file that is none of a twin.");
      await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
      await writeFile(join(folder, path), bytes, { mode: 0o600, flush: true });
    },
  };
  const locator = createLocator(identity.keys.locator, kernels, systemRandom);
  const content = await readReplica({ vault, locator, kernels }, root, sink);
  await state.commit(batch);
  batch = [];
  await onRead?.({ vault, state, namespaces });
  const { objectCount, margin, weakest } = await vault.status();
  return { twin: identity.id, rootSequence: root.sequence, objectCount, margin, weakest, ...content };
}

/** A twin in its stores. */
interface FoundTwin {
  readonly root: RootRecord;
  /** All of them, where they are now. */
  readonly lines: readonly StoreLine[];
}

/** The newest root that the given stores know, or those of which they tell: what was given may be copies of some time ago. */
async function findTwin(locations: readonly string[], { identity, kernels, log }: TwinKeys): Promise<FoundTwin> {
  const given = locations.map((location, index) => ({ name: `given-${index + 1}`, location }));
  const stores = await openAll(given);
  const locator = createLocator(identity.keys.locator, kernels, systemRandom);
  const seal = { keys: deriveVaultKeys(identity.keys.vault, kernels), kernels };
  const newestOn = async (places: readonly GuardedStore[]): Promise<RootRecord | undefined> => {
    const notes = createNoteBoard({ stores: [...places], code: CODE, log });
    return (await findRoots({ identity, locator, kernels }, notes)).newest?.record;
  };
  const placed = async (root: RootRecord): Promise<StoreLine[]> => {
    const known = root.stores as readonly StoreLine[];
    const names = known.map(({ name }) => name);
    const recognised = await Promise.all(stores.map((store) => recogniseStore(seal, store, names)));
    return await placeStores(known, given, { stores, recognised });
  };

  const first = await newestOn(stores);
  if (first === undefined) {
    throw new TwinError(
      "TWIN_OBJECT_UNKNOWN",
      `${stores.length === 1 ? "This store does not know" : `None of these ${stores.length} stores knows`} a twin of this phrase: check the phrase, or name other stores. Of a twin whose host never ran they have only objects: twin vault list.`,
    );
  }
  const lines = await placed(first);
  const others = lines.filter((line) => !locations.includes(line.location) && !isBegunAnew(line));
  const newest = await newestOn([...stores, ...(await openAll(others))]);
  return newest === undefined ? { root: first, lines } : { root: newest, lines: await placed(newest) };
}

function openAll(lines: readonly StoreLine[]): Promise<GuardedStore[]> {
  return Promise.all(
    lines.map(async (line) => guardStore(await openStoreLine("/", line, awayTwinStores), systemClock)),
  );
}

/** The twin's stores where they are now: as given, or as they were; a directory that is not here is begun anew. */
async function placeStores(
  known: readonly StoreLine[],
  given: readonly StoreLine[],
  found: { readonly stores: readonly GuardedStore[]; readonly recognised: readonly (string | undefined)[] },
): Promise<StoreLine[]> {
  const lines = await Promise.all(
    known.map(async (line): Promise<StoreLine> => {
      const at = found.recognised.indexOf(line.name);
      if (at !== -1) return { name: line.name, location: given[at]!.location };
      if (parseStoreLocation(line.location).kind !== "directory" || (await isHere(line.location))) return line;
      return { name: line.name, location: join("stores", line.name), domain: "this disk" };
    }),
  );
  const strangers = given.filter((_, at) => found.recognised[at] === undefined);
  return [...lines, ...strangers];
}

function isBegunAnew({ location }: StoreLine): boolean {
  return parseStoreLocation(location).kind === "directory" && !isAbsolute(location);
}

async function isHere(path: string): Promise<boolean> {
  return isAbsolute(path) && (await stat(path).catch(() => undefined)) !== undefined;
}

/** Whether a drill is due, or so late that the owner must know. */
export function drillState(lastAtMs: number | undefined, nowMs: number): "fresh" | "due" | "late" {
  if (lastAtMs === undefined) return "due";
  if (nowMs - lastAtMs > LIMITS.vault.drillAlarmMs) return "late";
  return nowMs - lastAtMs > LIMITS.vault.drillIntervalMs ? "due" : "fresh";
}
