// The owner's stores: what `stores.json` of the data folder says, and the running vault that follows it.

import { stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";

import { jsonDecode, jsonEncode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import { readSecretFile, writeSecretFile } from "./identity/secret-file.ts";
import type { StoreListing } from "./rpc/api.ts";
import type { StoresPart } from "./rpc/owner-parts.ts";
import type { Vault } from "./vault/object.ts";
import { diskOf, openStore, type OpenTwinStore, type StoreEntry } from "./vault/open-store.ts";
import type { ShardStore } from "./vault/shard-store.ts";
import { describeStoreLocation, parseStoreLocation, type StoreLocation } from "./vault/store-location.ts";

const FORMAT = "twin-stores";
const VERSION = 1;
const NAME = /^[a-z0-9][a-z0-9.-]{0,31}$/;

/** One line of the file. The location may hold a secret. */
export interface StoreLine {
  readonly name: string;
  /** A path, from the data folder if relative, or a URL. */
  readonly location: string;
  readonly domain?: string | undefined;
  readonly draining?: boolean | undefined;
  /** So many bytes it takes; absent: as many as there is room for. */
  readonly capacityBytes?: number | undefined;
}

/** What fails together with the data folder. */
const THIS_DISK = "this disk";

/** One machine, one disk: what a twin has until its owner says otherwise. */
function defaultStoreLines(count: number): StoreLine[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `store-${index + 1}`,
    location: join("stores", `store-${index + 1}`),
    domain: THIS_DISK,
  }));
}

/** What `stores.json` says. */
export interface StoreFile {
  readonly stores: readonly StoreLine[];
  /** Bytes that all objects together may have; absent: no bound. */
  readonly quotaBytes?: number | undefined;
}

/** `stores.json`, or what a twin has without one. Throws `TWIN_CONFIG_INVALID`. */
export async function readStoreFile(folder: string, defaultCount: number): Promise<StoreFile> {
  const path = pathOf(folder);
  const bytes = await readSecretFile(path);
  if (bytes === undefined) return { stores: defaultStoreLines(defaultCount) };
  try {
    const { format, version, stores, quotaBytes } = jsonDecode(bytes) as StoreFile & Record<string, unknown>;
    if (format === FORMAT && version === VERSION) return { stores: stores.map(checkLine), quotaBytes };
  } catch (cause) {
    throw new TwinError("TWIN_CONFIG_INVALID", `${path} is damaged: mend it, or restore the twin.`, {}, cause);
  }
  throw new TwinError("TWIN_CONFIG_INVALID", `${path} is not a list of stores of this version: use a newer program.`);
}

/** Writes `stores.json`; durable when it resolves. */
export async function writeStoreFile(folder: string, { stores, quotaBytes }: StoreFile): Promise<void> {
  await writeSecretFile(pathOf(folder), jsonEncode({ format: FORMAT, version: VERSION, stores, quotaBytes }));
}

/** Opens the store of one line, to be read: an absent or empty directory is an empty store. */
export async function openStoreLine(
  folder: string,
  line: StoreLine,
  openTwinStore: OpenTwinStore,
): Promise<ShardStore> {
  const entry = entryOf(folder, line);
  const domain = entry.domain ?? (await domainOfDirectory(folder, entry.location));
  return openStore({ ...entry, domain }, openTwinStore);
}

/** The same for a vault that relies on it: a directory outside of the data folder may be on a disk that is away. */
export async function openOwnStore(folder: string, line: StoreLine, openTwinStore: OpenTwinStore): Promise<ShardStore> {
  const entry = entryOf(folder, line);
  const domain = entry.domain ?? (await domainOfDirectory(folder, entry.location));
  const isMounted = entry.location.kind === "directory" && !isBelow(folder, entry.location.path);
  return openStore({ ...entry, domain, isMounted }, openTwinStore);
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(resolve(folder) + sep);
}

/** A directory beside the data folder does not survive its disk, whatever it is called. */
async function domainOfDirectory(folder: string, location: StoreLocation): Promise<string | undefined> {
  if (location.kind !== "directory") return undefined;
  const [disk, own] = await Promise.all([diskOf(location.path), diskOf(folder)]);
  return disk === own ? THIS_DISK : disk;
}

/** What {@link createStoreBook} needs. */
export interface StoreBookParts {
  readonly folder: string;
  readonly vault: Pick<Vault, "stores" | "status">;
  /** What was opened at start. */
  readonly file: StoreFile;
  readonly openTwinStore: OpenTwinStore;
}

/** The stores in the owner's hand. Each change is in the file before the vault relies on it. */
export function createStoreBook({ folder, vault, file: initial, openTwinStore }: StoreBookParts): StoresPart & {
  /** The lines as they are now. */
  readonly lines: () => readonly StoreLine[];
} {
  let lines = initial.stores;
  let { quotaBytes } = initial;
  const write = async (next: readonly StoreLine[]): Promise<void> => {
    await writeStoreFile(folder, { stores: next, quotaBytes });
    lines = next;
  };
  const setDraining = (name: string, draining: boolean): Promise<void> =>
    write(lines.map((line) => (line.name === name ? { ...line, draining: draining || undefined } : line)));

  return {
    lines: () => lines,
    async list() {
      const { stores } = await vault.status();
      return stores.map((store): StoreListing => {
        const line = lines.find(({ name }) => name === store.name);
        return { ...store, location: line === undefined ? "" : describeStoreLocation(entryOf(folder, line).location) };
      });
    },
    async add(request) {
      const line = checkLine(request);
      if (lines.some(({ name }) => name === line.name)) {
        throw new TwinError("TWIN_CONFIG_INVALID", `There is a store named ${line.name} already: choose another name.`);
      }
      await requireNewPlace(folder, line, lines);
      const store = await openOwnStore(folder, line, openTwinStore);
      const before = lines;
      await write([...lines, line]);
      try {
        await vault.stores.add(store);
      } catch (thrown) {
        await write(before);
        throw thrown;
      }
    },
    async drain(name, options) {
      // The vault checks first: a refused drain must not be in the file.
      const report = await vault.stores.drain(name, { ...options, onStart: () => setDraining(name, true) });
      return report;
    },
    async keep(name) {
      await vault.stores.keep(name);
      await setDraining(name, false);
    },
    async setQuota(next) {
      await writeStoreFile(folder, { stores: lines, quotaBytes: next });
      quotaBytes = next;
      vault.stores.setQuota(next);
    },
    async remove(name, options) {
      await vault.stores.remove(name, options);
      await write(lines.filter((line) => line.name !== name));
    },
  };
}

/** Two names of one place would count it twice: what it loses is lost to both. */
async function requireNewPlace(folder: string, line: StoreLine, others: readonly StoreLine[]): Promise<void> {
  const place = await placeOf(folder, line);
  for (const other of others) {
    if ((await placeOf(folder, other)) !== place) continue;
    const message = `${other.name} is that place already: a second store has to be somewhere else.`;
    throw new TwinError("TWIN_CONFIG_INVALID", message, { name: other.name });
  }
}

/** What tells a place from others, however its path is written. */
async function placeOf(folder: string, line: StoreLine): Promise<string> {
  const { location } = entryOf(folder, line);
  const found = location.kind === "directory" ? await stat(location.path).catch(() => undefined) : undefined;
  return found === undefined ? describeStoreLocation(location) : `${found.dev} ${found.ino}`;
}

function pathOf(folder: string): string {
  return join(folder, "stores.json");
}

function entryOf(folder: string, line: StoreLine): StoreEntry {
  const location = parseStoreLocation(line.location);
  const { name, domain, capacityBytes } = line;
  if (location.kind !== "directory") return { name, domain, location, capacityBytes };
  return { name, domain, capacityBytes, location: { ...location, path: resolve(folder, location.path) } };
}

function checkLine({ name, location, domain, capacityBytes, draining }: StoreLine): StoreLine {
  if (!NAME.test(name)) {
    throw new TwinError("TWIN_CONFIG_INVALID", "A store's name is 1 to 32 of a-z, 0-9, point and hyphen.");
  }
  parseStoreLocation(location);
  return {
    name,
    location,
    ...(domain === undefined ? {} : { domain }),
    ...(capacityBytes === undefined ? {} : { capacityBytes }),
    ...(draining === true ? { draining } : {}),
  };
}
