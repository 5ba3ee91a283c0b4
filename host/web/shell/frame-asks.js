// What an experience may ask of the shell through its pipe: its manifest decides, and the person where it matters
// (docs/formats/web.md, section 5). A frame is hostile: every field is checked.

import { getState, setState } from "./model.js";
import { downloadObject, fetchObject, uploadObject } from "./object-transfer.js";
import { TransferError } from "./transfer-error.js";

/** Requests of one frame that run at once; uploads beyond wait in line. */
const ASKS_OPEN_MAX = 256;
const UPLOADS_AT_ONCE = 2;
/** Room for what a person types, not for a data store. */
const KEPT_LENGTH_MAX = 256 * 1024;
const OBJECT_ID = /^[1-9A-HJ-NP-Za-km-z]{32,44}$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}(;[ -~]{0,100})?$/;
const FALLBACK_TYPE = "application/octet-stream";

/** Handles the requests of one frame until it is disposed. */
export class FrameAsks {
  /** @type {import("./model.js").ExperienceInfo} */
  #experience;
  /** @type {(message: object) => void} */
  #answer;
  /** @type {(text: string) => void} */
  #keep;
  /** @type {Map<number, AbortController>} */
  #running = new Map();
  /** @type {(() => void)[]} */
  #uploadsWaiting = [];
  #uploadsActive = 0;

  /**
   * @param {import("./model.js").ExperienceInfo} experience
   * @param {{ answer: (message: object) => void, keep: (text: string) => void }} parts `answer` sends to the frame, `keep` holds a text for its next opening
   */
  constructor(experience, { answer, keep }) {
    this.#experience = experience;
    this.#answer = answer;
    this.#keep = keep;
  }

  /** Takes one message; what is not a request that it knows is ignored. @param {Record<string, unknown>} message */
  take(message) {
    const { ask, id } = message;
    if (ask === "palette") return this.#openPalette();
    if (ask === "keep" && typeof message.text === "string" && message.text.length <= KEPT_LENGTH_MAX) {
      return this.#keep(message.text);
    }
    if (typeof id !== "number" || typeof ask !== "string") return;
    if (ask === "cancel") return this.#running.get(id)?.abort("cancelled");
    const act = this.#actions[ask];
    if (!act || this.#running.has(id)) return;
    if (this.#running.size >= ASKS_OPEN_MAX)
      return this.#refuse(id, "TWIN_LIMIT_EXCEEDED", "Too many requests at once.");
    void this.#run(id, act, message);
  }

  /** Ends everything that runs. */
  dispose() {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }

  /** @type {Record<string, (message: Record<string, unknown>, signal: AbortSignal, id: number) => Promise<unknown>>} */
  #actions = {
    put: (message, signal, id) => this.#put(message, signal, id),
    get: (message, signal) => {
      this.#demand("get");
      return fetchObject(objectId(message.object), mediaType(message.type), signal);
    },
    download: async (message) => {
      this.#demand("get");
      demandGesture();
      await downloadObject(objectId(message.object), fileName(message.name), mediaType(message.type));
      return null;
    },
    open: (message) => this.#openLink(message),
  };

  /**
   * @param {number} id
   * @param {(message: Record<string, unknown>, signal: AbortSignal, id: number) => Promise<unknown>} act
   * @param {Record<string, unknown>} message
   */
  async #run(id, act, message) {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      this.#answer({ answer: id, ok: await act(message, controller.signal, id) });
    } catch (error) {
      if (controller.signal.aborted) this.#refuse(id, "TWIN_ABORTED", "Cancelled.");
      else this.#refuse(id, codeOf(error), error instanceof Error ? error.message : "The request failed.");
    } finally {
      this.#running.delete(id);
    }
  }

  /** @param {number} id @param {string} code @param {string} message */
  #refuse(id, code, message) {
    this.#answer({ answer: id, error: { code, message, details: {} } });
  }

  /** @param {"put" | "get"} right */
  #demand(right) {
    if (this.#experience.objects.includes(right)) return;
    throw new TransferError(
      "TWIN_CALL_DENIED",
      `The manifest of ${this.#experience.name} does not ask for "${right}" on objects.`,
    );
  }

  /** @param {Record<string, unknown>} message @param {AbortSignal} signal @param {number} id */
  async #put(message, signal, id) {
    this.#demand("put");
    const { file } = message;
    if (!(file instanceof Blob)) throw new TransferError("TWIN_INPUT_INVALID", "Expected a File or Blob as `file`.");
    const fallbackName = file instanceof File ? file.name : "";
    await this.#uploadTurn(signal);
    try {
      return await uploadObject(file, {
        experience: this.#experience.name,
        name: typeof message.name === "string" ? message.name : fallbackName,
        type: mediaType(message.type ?? file.type),
        signal,
        onProgress: (done, total) => this.#answer({ answer: id, progress: { done, total } }),
      });
    } finally {
      this.#uploadsActive -= 1;
      this.#uploadsWaiting.shift()?.();
    }
  }

  /** @param {AbortSignal} signal */
  async #uploadTurn(signal) {
    while (this.#uploadsActive >= UPLOADS_AT_ONCE) {
      await new Promise((resolve) => {
        this.#uploadsWaiting.push(() => resolve(undefined));
      });
    }
    this.#uploadsActive += 1;
    if (!signal.aborted) return;
    this.#uploadsActive -= 1;
    this.#uploadsWaiting.shift()?.();
    signal.throwIfAborted();
  }

  /** @param {Record<string, unknown>} message */
  async #openLink(message) {
    const url = URL.parse(String(message.url));
    if (url?.protocol !== "https:") throw new TransferError("TWIN_INPUT_INVALID", "Only https: links can be opened.");
    demandGesture();
    if (getState().link) throw new TransferError("TWIN_LIMIT_EXCEEDED", "Another link waits for an answer.");
    const agreed = await new Promise((answer) =>
      setState({ link: { experience: this.#experience.title, url: url.href, answer } }),
    );
    if (!agreed) throw new TransferError("TWIN_ABORTED", "The person did not open the link.");
    return null;
  }

  #openPalette() {
    const { view } = getState();
    const visible = view.kind === "experience" && view.name === this.#experience.name;
    if (visible && hasGesture()) setState({ paletteOpen: true });
  }
}

/** A click or key press in the frame counts for the page around it, for a few seconds. */
const hasGesture = () => navigator.userActivation.isActive;

function demandGesture() {
  if (hasGesture()) return;
  throw new TransferError("TWIN_CALL_DENIED", "This works only right after a click or a key press of the person.");
}

/** @param {unknown} value */
function objectId(value) {
  if (typeof value === "string" && OBJECT_ID.test(value)) return value;
  throw new TransferError("TWIN_INPUT_INVALID", "Expected an object id.");
}

/** @param {unknown} value */
const mediaType = (value) => (typeof value === "string" && MEDIA_TYPE.test(value) ? value : FALLBACK_TYPE);

/** @param {unknown} value */
const fileName = (value) => (typeof value === "string" && value !== "" ? value.slice(0, 255) : "file");

/** @param {unknown} error */
function codeOf(error) {
  const code = /** @type {{ code?: unknown }} */ (error ?? {}).code;
  return typeof code === "string" ? code : "TWIN_HOST_INTERNAL";
}
