// The installed experiences of a twin: their files by content hash in `<folder>/<hash>/`, their rows in
// the table `$experiences`. A row is written after its files are whole on disk, and removed before them.

import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hexEncode, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { syncFolder } from "../base/sync-folder.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateEntry, StateRange, StateReads, StateWrite } from "../state/state-store.ts";
import { canonicalJson } from "./canonical-json.ts";
import { type ExperienceContent, type ExperienceIndex, readExperienceFolder } from "./experience-folder.ts";
import type { ExperienceInfo } from "./experience.ts";
import { mediaTypeOf } from "./media-type.ts";

const NAMESPACE = "$experiences";
const INDEX_FILE = "index.json";

/** A file as it was at the installation. */
export interface InstalledFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Media type, by the extension. */
  readonly type: string;
}

/** What a shelf needs. */
export interface ShelfParts {
  /** Its own folder; created when absent. What is not on the shelf there is deleted. */
  readonly folder: string;
  /** The twin's tables. */
  readonly table: {
    readTable(range: StateRange): Promise<StateEntry[]>;
    writeTable(writes: readonly StateWrite[]): Promise<void>;
  };
  readonly kernels: Pick<Kernels, "hash">;
  readonly clock: Pick<Clock, "nowMs">;
}

/** The installed experiences, as their rows say. By name. */
export function readExperiences(store: Pick<StateReads, "scan">): ExperienceInfo[] {
  const limit = LIMITS.packages.experienceCount;
  const rows = store.scan({ namespace: NAMESPACE, start: new Uint8Array(0), limit });
  return rows.map(({ value }) => jsonDecode(value) as ExperienceInfo);
}

/** Opens the shelf, and sweeps away what an interrupted installation or removal left. */
export async function openExperienceShelf(parts: ShelfParts): Promise<ExperienceShelf> {
  await mkdir(parts.folder, { recursive: true });
  const installed = new Map<string, ExperienceInfo>();
  const rows = await parts.table.readTable({
    namespace: NAMESPACE,
    start: new Uint8Array(0),
    limit: LIMITS.packages.experienceCount,
  });
  for (const { value } of rows) {
    const info = jsonDecode(value) as ExperienceInfo;
    installed.set(info.name, info);
  }
  const kept = new Set(Array.from(installed.values(), ({ hash }) => hash));
  for (const name of await readdir(parts.folder)) {
    if (!kept.has(name)) await rm(join(parts.folder, name), { recursive: true, force: true });
  }
  return new ExperienceShelf(parts, installed);
}

/** The installed experiences. Changes happen one after the other. */
export class ExperienceShelf {
  readonly #parts: ShelfParts;
  readonly #installed: Map<string, ExperienceInfo>;
  readonly #indexes = new Map<string, ExperienceIndex>();
  #change: Promise<unknown> = Promise.resolve();

  /** Use {@link openExperienceShelf}. */
  constructor(parts: ShelfParts, installed: Map<string, ExperienceInfo>) {
    this.#parts = parts;
    this.#installed = installed;
  }

  /** By name. */
  async list(): Promise<readonly ExperienceInfo[]> {
    return Array.from(this.#installed.values()).toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /**
   * Copies the experience in `folder` onto the shelf, in place of an installed one of its name.
   * Durable when it resolves. The same content again changes nothing. It grants nothing. Throws
   * `TWIN_EXPERIENCE_INVALID`; what was installed stays then.
   */
  install(folder: string): Promise<ExperienceInfo> {
    return this.#inTurn(async () => {
      const content = await readExperienceFolder(folder, this.#parts.kernels);
      const { name } = content.manifest;
      const before = this.#installed.get(name);
      if (before?.hash === content.hash) return before;
      if (before === undefined && this.#installed.size >= LIMITS.packages.experienceCount) {
        throw new TwinError("TWIN_LIMIT_EXCEEDED", `${this.#installed.size} experiences are installed; remove one.`);
      }
      await this.#store(content);
      const { hash, sizeBytes } = content;
      const info = { ...content.manifest, hash, sizeBytes, installedAtMs: this.#parts.clock.nowMs() };
      await this.#writeRow(name, jsonEncode(info));
      this.#installed.set(name, info);
      if (before !== undefined) await this.#discard(before);
      return info;
    });
  }

  /** Takes it off the shelf. Throws `TWIN_EXPERIENCE_UNKNOWN`. Its grants are for the caller to revoke. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const info = this.#installed.get(name);
      if (info === undefined) {
        throw new TwinError("TWIN_EXPERIENCE_UNKNOWN", `No experience named ${JSON.stringify(name)} is installed.`);
      }
      await this.#writeRow(name, undefined);
      this.#installed.delete(name);
      await this.#discard(info);
    });
  }

  /**
   * The file of that path (with `/`, as at the installation), or undefined when the experience or
   * the file is not installed. Only recorded paths are known, so none leads elsewhere. Throws
   * `TWIN_EXPERIENCE_INVALID` when the bytes on disk are not the installed ones.
   */
  async file(name: string, path: string): Promise<InstalledFile | undefined> {
    const info = this.#installed.get(name);
    if (info === undefined) return undefined;
    try {
      return await this.#read(info, path);
    } catch (error) {
      // Another version may have taken its place while it was read.
      if (this.#installed.get(name) === info) throw error;
      return await this.file(name, path);
    }
  }

  async #read(info: ExperienceInfo, path: string): Promise<InstalledFile | undefined> {
    const index = await this.#index(info);
    const record = Object.hasOwn(index, path) ? index[path] : undefined;
    if (record === undefined) return undefined;
    const bytes = await readWhole(join(this.#parts.folder, info.hash, record.hash));
    if (bytes === undefined || this.#hash(bytes) !== record.hash) throw damaged(info);
    return { bytes, type: mediaTypeOf(path) };
  }

  async #index(info: ExperienceInfo): Promise<ExperienceIndex> {
    const known = this.#indexes.get(info.hash);
    if (known !== undefined) return known;
    const bytes = await readWhole(join(this.#parts.folder, info.hash, INDEX_FILE));
    // The index is what the hash is of, so it cannot be another one.
    if (bytes === undefined || this.#hash(bytes) !== info.hash) throw damaged(info);
    const index = jsonDecode(bytes) as ExperienceIndex;
    this.#indexes.set(info.hash, index);
    return index;
  }

  async #store({ hash, index, contents }: ExperienceContent): Promise<void> {
    const { folder } = this.#parts;
    const temporary = join(folder, `${hash}.tmp`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    for (const [name, bytes] of contents) await writeSynced(join(temporary, name), bytes);
    await writeSynced(join(temporary, INDEX_FILE), utf8Encode(canonicalJson(index)));
    await syncFolder(temporary);
    await rm(join(folder, hash), { recursive: true, force: true });
    await rename(temporary, join(folder, hash));
    await syncFolder(folder);
  }

  async #discard({ hash }: ExperienceInfo): Promise<void> {
    this.#indexes.delete(hash);
    await rm(join(this.#parts.folder, hash), { recursive: true, force: true });
  }

  #writeRow(name: string, value: Uint8Array | undefined): Promise<void> {
    return this.#parts.table.writeTable([{ namespace: NAMESPACE, key: utf8Encode(name), value }]);
  }

  #hash(bytes: Uint8Array): string {
    return hexEncode(this.#parts.kernels.hash(bytes));
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#change.then(change);
    this.#change = result.catch(() => {});
    return result;
  }
}

async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch {
    return undefined;
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function damaged({ name }: ExperienceInfo): TwinError {
  return new TwinError(
    "TWIN_EXPERIENCE_INVALID",
    `The files of the experience ${name} on disk are not those that were installed; install it again.`,
  );
}
