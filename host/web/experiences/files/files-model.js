// What Files knows: the folder in view, and what the person does to its entries.

import { Uploads } from "./uploads.js";

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} parent
 * @property {"folder" | "file"} kind
 * @property {string} name
 * @property {string} object id of the content in the vault; empty for a folder
 * @property {number} sizeBytes
 * @property {string} type
 * @property {number} createdAtMs
 * @property {number} modifiedAtMs
 *
 * @typedef {{ id: string, name: string }} Step one folder of a path
 * @typedef {{ kind: "preview" | "move" | "remove", entry: Entry } | { kind: "folder" }} FilesDialog
 */

export const ROOT = "root";
const PAGE_LENGTH = 200;
/** Changes come in bursts (an upload of many files); one reading answers them all. */
const RELOAD_PAUSE_MS = 120;

/** The state of Files, and all that changes it. */
export class FilesModel {
  /** @type {any} */
  #twin;
  /** @type {Set<() => void>} */
  #watchers = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reloadTimer;
  folder = ROOT;
  /** From below the top to the folder in view. @type {Step[]} */
  path = [];
  /** @type {Entry[]} */
  entries = [];
  /** Where the rest of the list begins; null when all of it is here. @type {string | null} */
  next = null;
  /** @type {{ files: number, folders: number, sizeBytes: number } | undefined} */
  usage;
  loaded = false;
  /** The row that keys act on. @type {string | undefined} */
  current;
  /** The row whose name is being edited. @type {string | undefined} */
  renaming;
  /** @type {FilesDialog | undefined} */
  dialog;
  notice = "";

  /** @param {any} twin the connected client */
  constructor(twin) {
    this.#twin = twin;
    this.uploads = new Uploads(twin, () => this.#changed());
  }

  /** Listens first, then reads: nothing falls between. */
  async start() {
    const reload = () => this.#reloadSoon();
    await this.telling("Your files could not be read", async () => {
      await this.#twin.on("files", reload, { onGap: reload });
      await this.#load(ROOT);
    });
  }

  /** @param {() => void} watcher called after each change; returns what ends it */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** @param {Partial<Pick<FilesModel, "current" | "renaming" | "dialog" | "notice">>} change */
  set(change) {
    Object.assign(this, change);
    this.#changed();
  }

  /** @param {string} folder */
  async openFolder(folder) {
    const from = this.folder;
    await this.telling("The folder could not be opened", () => this.#load(folder));
    // Going up, the folder that one came from stays in hand.
    if (this.folder === folder && folder !== from) {
      const cameFrom = this.entries.find((entry) => entry.id === from);
      this.set({ current: (cameFrom ?? this.entries[0])?.id });
    }
  }

  /** The folder above, when there is one. */
  async openParent() {
    if (this.folder !== ROOT) await this.openFolder(this.path.at(-2)?.id ?? ROOT);
  }

  /** @param {Entry} entry */
  open(entry) {
    if (entry.kind === "folder") void this.openFolder(entry.id);
    else this.set({ dialog: { kind: "preview", entry } });
  }

  async loadMore() {
    const { folder, next } = this;
    if (next === null) return;
    await this.telling("The rest of the folder could not be read", async () => {
      const page = await this.#twin.files.list({ folder, after: next, limit: PAGE_LENGTH });
      if (this.folder !== folder || this.next !== next) return;
      this.entries = [...this.entries, ...page.entries];
      this.next = page.next;
    });
  }

  /** @param {string} name */
  async createFolder(name) {
    await this.telling("No folder was made", async () => {
      const entry = await this.#twin.files.create_folder({ parent: this.folder, name });
      await this.#load(this.folder);
      this.current = entry.id;
    });
  }

  /** @param {Entry} entry @param {string} name */
  async rename(entry, name) {
    this.set({ renaming: undefined });
    if (name === "" || name === entry.name) return;
    await this.telling("The old name stays", async () => {
      await this.#twin.files.rename({ id: entry.id, name });
      await this.#load(this.folder);
    });
  }

  /** @param {string} id @param {Step} target */
  async move(id, target) {
    await this.telling("It was not moved", async () => {
      await this.#twin.files.move({ id, parent: target.id });
      await this.#load(this.folder);
      this.notice = `Moved to ${target.name}.`;
    });
  }

  /** @param {Entry} entry */
  async remove(entry) {
    const index = this.entries.findIndex((item) => item.id === entry.id);
    const neighbour = this.entries[index + 1] ?? this.entries[index - 1];
    await this.telling("Nothing was deleted", async () => {
      await this.#twin.files.remove({ id: entry.id });
      this.current = neighbour?.id;
      await this.#load(this.folder);
    });
  }

  /** @param {Entry} entry */
  async download(entry) {
    await this.telling("It could not be downloaded", () => this.#twin.download(entry.object, entry.name, entry.type));
  }

  /** The content of a small file, for a preview. @param {Entry} entry @param {AbortSignal} signal @returns {Promise<Blob>} */
  content(entry, signal) {
    return this.#twin.blob(entry.object, entry.type, { signal });
  }

  /** The folders in a folder, for choosing a place. @param {string} folder @returns {Promise<{ path: Step[], folders: Entry[] }>} */
  async folders(folder) {
    const [{ path }, { entries }] = await Promise.all([
      this.#twin.files.path({ id: folder }),
      this.#twin.files.list({ folder, limit: PAGE_LENGTH }),
    ]);
    return {
      path: withoutRoot(path),
      folders: entries.filter((/** @type {Entry} */ entry) => entry.kind === "folder"),
    };
  }

  /** Runs `act`; a failure is told with `kept`, which says what did not change. @param {string} kept @param {() => Promise<void>} act */
  async telling(kept, act) {
    try {
      await act();
    } catch (error) {
      this.notice = `${kept}: ${error instanceof Error ? error.message : String(error)}`;
    }
    this.#changed();
  }

  /** Reads as much of the folder as was in view. @param {string} folder */
  async #load(folder) {
    const limit = folder === this.folder ? Math.min(500, Math.max(PAGE_LENGTH, this.entries.length)) : PAGE_LENGTH;
    const [{ path }, { entries, next }, usage] = await Promise.all([
      this.#twin.files.path({ id: folder }),
      this.#twin.files.list({ folder, limit }),
      this.#twin.files.usage({}),
    ]);
    this.folder = folder;
    this.path = withoutRoot(path);
    this.entries = entries;
    this.next = next;
    this.usage = usage;
    this.loaded = true;
    this.#changed();
  }

  #reloadSoon() {
    if (this.#reloadTimer !== undefined) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = undefined;
      void this.telling("This may be old", () => this.#load(this.folder));
    }, RELOAD_PAUSE_MS);
  }

  #changed() {
    for (const watcher of this.#watchers) watcher();
  }
}

/** @param {Step[]} path */
const withoutRoot = (path) => path.filter((step) => step.id !== ROOT);
