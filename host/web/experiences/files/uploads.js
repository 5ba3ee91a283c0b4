// Files on their way into the vault: handed to the shell, which streams them; then named in a folder.

/**
 * @typedef {object} Upload
 * @property {number} key
 * @property {File} file
 * @property {string} folder
 * @property {"sending" | "storing" | "done" | "failed" | "cancelled"} state
 * @property {number} sentBytes
 * @property {string} problem
 * @property {AbortController} controller
 */

/** Names tried when one is taken: "photo (2).jpg". */
const NAMES_TRIED = 100;
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9!#$&^_.+-]+$/;
const DONE_SHOWN_MS = 4_000;
/** Names that are kept for the next opening. */
const NAMES_KEPT = 50;

/** All uploads of this window. */
export class Uploads {
  /** @type {any} */
  #twin;
  /** @type {() => void} */
  #changed;
  #lastKey = 0;
  #told = "[]";
  /** @type {Upload[]} */
  list = [];
  /** Names of files whose upload ended with the last window: the same file goes on where it was. @type {string[]} */
  interrupted = [];

  /** @param {any} twin @param {() => void} changed called after each change */
  constructor(twin, changed) {
    this.#twin = twin;
    this.#changed = () => {
      this.#keep();
      changed();
    };
    this.interrupted = namesIn(twin.kept);
  }

  /** Starts all of them; the shell lets a few run at once. @param {Iterable<File>} files @param {string} folder */
  add(files, folder) {
    for (const file of files) {
      this.#lastKey += 1;
      const upload = {
        key: this.#lastKey,
        file,
        folder,
        state: /** @type {const} */ ("sending"),
        sentBytes: 0,
        problem: "",
        controller: new AbortController(),
      };
      this.list = [...this.list, upload];
      this.interrupted = this.interrupted.filter((name) => name !== file.name);
      void this.#run(upload);
    }
    this.#changed();
  }

  /** @param {Upload} upload */
  cancel(upload) {
    upload.controller.abort();
  }

  /** @param {Upload} upload */
  retry(upload) {
    this.dismiss(upload);
    this.add([upload.file], upload.folder);
  }

  /** @param {Upload} upload */
  dismiss(upload) {
    this.list = this.list.filter((item) => item.key !== upload.key);
    this.#changed();
  }

  /** @param {string} name */
  dismissInterrupted(name) {
    this.interrupted = this.interrupted.filter((item) => item !== name);
    this.#changed();
  }

  /** For a window that is opened anew after a broken connection, and has none of these files. */
  #keep() {
    const open = this.list.filter(({ state }) => state !== "done");
    const names = [...this.interrupted, ...open.map(({ file }) => file.name)];
    const text = JSON.stringify(names.slice(-NAMES_KEPT));
    if (text === this.#told) return;
    this.#told = text;
    this.#twin.keep(text);
  }

  /** @param {Upload} upload */
  async #run({ key, file, folder, controller }) {
    try {
      const type = MEDIA_TYPE.test(file.type) ? file.type : "application/octet-stream";
      const onProgress = (/** @type {number} */ sentBytes, /** @type {number} */ total) =>
        this.#update(key, { sentBytes, state: sentBytes >= total ? "storing" : "sending" });
      const stored = await this.#twin.put(file, { name: file.name, type, onProgress, signal: controller.signal });
      await this.#addEntry(folder, file.name, { object: stored.id, sizeBytes: stored.sizeBytes, type });
      this.#update(key, { state: "done" });
      setTimeout(() => this.#forget(key), DONE_SHOWN_MS);
    } catch (error) {
      if (controller.signal.aborted) this.#forget(key);
      else this.#update(key, { state: "failed", problem: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {string} parent @param {string} name @param {{ object: string, sizeBytes: number, type: string }} content */
  async #addEntry(parent, name, content) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#twin.files.add({ parent, name: numberedName(name, attempt), ...content });
        return;
      } catch (error) {
        const taken = /** @type {any} */ (error)?.details?.code === "name-taken";
        if (!taken || attempt === NAMES_TRIED) throw error;
      }
    }
  }

  /** @param {number} key @param {Partial<Upload>} change */
  #update(key, change) {
    this.list = this.list.map((item) => (item.key === key ? { ...item, ...change } : item));
    this.#changed();
  }

  /** @param {number} key */
  #forget(key) {
    this.list = this.list.filter((item) => item.key !== key);
    this.#changed();
  }
}

/** @param {string | undefined} text what {@link Uploads} kept @returns {string[]} */
function namesIn(text) {
  try {
    const names = JSON.parse(text ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

/** "photo.jpg", "photo (2).jpg", "photo (3).jpg". @param {string} name @param {number} attempt from 1 */
export function numberedName(name, attempt) {
  if (attempt === 1) return name;
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)} (${attempt})${name.slice(dot)}` : `${name} (${attempt})`;
}
