// The client of an experience: `import { connect } from "/-/twin.js"`. It speaks to the twin over the one port
// that the shell hands in (docs/formats/web.md, section 5); an experience has no other way out.
// Import it statically, from a module of the page, so that it listens before the page has loaded.

import { RpcSession } from "/-/capnweb.js";

/**
 * @typedef {object} TwinEvent
 * @property {string} capability
 * @property {string} topic
 * @property {any} payload
 * @property {number} sequence grows by one with each event of the twin; others' events leave gaps
 * @property {number} atMs
 *
 * @typedef {object} ObjectInfo
 * @property {string} id
 * @property {number} sizeBytes
 * @property {string} type
 * @property {string} name
 * @property {"local" | "dispersed"} durability
 *
 * @typedef {(done: number, total: number) => void} OnProgress
 */

/** A refusal or failure. `code` is one of `docs/errors.md`; `details.code` is the capability's own for `TWIN_GUEST_FAILED`. */
export class TwinError extends Error {
  /** @param {string} code @param {string} message @param {Record<string, unknown>} [details] */
  constructor(code, message, details = {}) {
    super(message);
    this.name = "TwinError";
    this.code = code;
    this.details = details;
  }
}

/** The pipe, from the first port message of the page around this one. @type {Promise<any>} */
const pipeArrives = new Promise((resolve) => {
  addEventListener("message", function take(event) {
    if (event.source !== parent || event.data?.type !== "twin-port" || event.ports.length !== 1) return;
    removeEventListener("message", take);
    resolve(event.ports[0]);
  });
});

/** @type {Promise<any> | undefined} */
let connected;

/**
 * The twin, as far as this experience was granted it. Any property that is not one of {@link Twin}'s own
 * is a capability: `await twin.chat.post({ to, text })`. The same value each time.
 */
export function connect() {
  connected ??= pipeArrives.then(async (port) => {
    const pipe = new Pipe(port);
    await pipe.opened;
    return withCapabilities(new Twin(pipe));
  });
  return connected;
}

class Twin {
  /** @type {Pipe} */
  #pipe;
  /** @type {any} */
  #door;
  /** @type {Promise<any>} */
  #about;

  /** @param {Pipe} pipe */
  constructor(pipe) {
    this.#pipe = pipe;
    this.#door = new RpcSession(this.#pipe).getRemoteMain();
    this.#about = this.#door.about();
    this.#about.catch(() => undefined);
  }

  /** Name of this experience, and what it was granted. */
  about() {
    return this.#about;
  }

  /**
   * Calls a method and resolves with its result; a command's effects are on disk then. `options.callId`
   * makes a command safe to repeat: the same id answers again and does nothing twice.
   * @param {string} capability @param {string} method @param {unknown} [params]
   * @param {{ callId?: string, fuel?: number, timeoutMs?: number, traceparent?: string }} [options]
   */
  async call(capability, method, params = {}, options = {}) {
    try {
      const { result } = await this.#door.call(capability, method, params, options);
      return result;
    } catch (error) {
      throw toTwinError(error);
    }
  }

  /**
   * Events of a capability, in order and without gaps, from now on or after the sequence `options.after`.
   * `onGap` is called when events may have been missed after all: read the state anew then.
   * Resolves once it listens, with a function that ends it: what is read after that misses nothing.
   * @param {string} capability
   * @param {(event: TwinEvent) => void} handler
   * @param {{ after?: number, onGap?: () => void }} [options]
   */
  async on(capability, handler, options = {}) {
    const feed = new Feed(this.#door, capability, handler, options);
    await feed.subscribe();
    return () => feed.stop();
  }

  /**
   * Stores a file in the vault; it is streamed, whatever its size. Needs `put` in the manifest's `objects`.
   * @param {Blob} file @param {{ name?: string, type?: string, onProgress?: OnProgress, signal?: AbortSignal }} [options]
   * @returns {Promise<ObjectInfo>}
   */
  put(file, { name, type, onProgress, signal } = {}) {
    return this.#pipe.ask({ ask: "put", file, name, type }, { onProgress, signal });
  }

  /** An object as a Blob, up to 64 MiB. Needs `get`. @param {string} object @param {string} [type] @param {{ signal?: AbortSignal }} [options] */
  blob(object, type, options) {
    return this.#pipe.ask({ ask: "get", object, type }, options);
  }

  /** Offers an object to the person as a file; only right after a click or key press. Needs `get`. @param {string} object @param {string} name @param {string} [type] */
  download(object, name, type) {
    return this.#pipe.ask({ ask: "download", object, name, type });
  }

  /** Opens an https link in a new tab, when the person agrees. @param {string} url */
  open(url) {
    return this.#pipe.ask({ ask: "open", url });
  }

  /** What {@link keep} was given when this experience was open before, in this page of the shell. @returns {string | undefined} */
  get kept() {
    return this.#pipe.kept;
  }

  /**
   * Holds a text (at most 256 Ki characters) for the next opening, which may come unasked after a broken
   * connection: what the person typed and has not sent. Not a place for data.
   * @param {string} text
   */
  keep(text) {
    this.#pipe.tell({ ask: "keep", text });
  }

  /** Whether the person sees this experience now. */
  get shown() {
    return this.#pipe.shown;
  }

  /** Tells when that changes. Returns a function that ends it. @param {(shown: boolean) => void} handler */
  onShown(handler) {
    this.#pipe.shownHandlers.add(handler);
    return () => this.#pipe.shownHandlers.delete(handler);
  }
}

/** The port: capnweb's transport, and the requests to the shell beside it. */
class Pipe {
  shown = true;
  /** @type {string | undefined} */
  kept;
  /** Resolves with the shell's first message. @type {Promise<void>} */
  opened;
  #scrolled = { left: 0, top: 0 };
  /** How far the page was scrolled when it went out of view, where it forgets that. @type {ScrollToOptions | undefined} */
  #place;
  /** @type {() => void} */
  #open = () => undefined;
  /** @type {Set<(shown: boolean) => void>} */
  shownHandlers = new Set();
  /** @type {MessagePort} */
  #port;
  /** @type {string[]} */
  #received = [];
  /** Who waits for the next message. @type {{ resolve: (text: string) => void, reject: (error: Error) => void } | undefined} */
  #reader;
  /** @type {TwinError | undefined} */
  #ended;
  #lastId = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void, onProgress?: OnProgress | undefined }>} */
  #asked = new Map();

  /** @param {MessagePort} port */
  constructor(port) {
    this.#port = port;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    port.onmessage = ({ data }) => this.#take(data);
    addEventListener("keydown", (event) => this.#forwardPaletteKey(event));
    addEventListener("scroll", () => {
      this.#scrolled = { left: scrollX, top: scrollY };
    });
  }

  /** Part of capnweb's transport. @param {string} text */
  send(text) {
    this.#port.postMessage({ rpc: text });
  }

  /** Part of capnweb's transport: the next message. @returns {Promise<string>} */
  async receive() {
    const next = this.#received.shift();
    if (next !== undefined) return next;
    if (this.#ended) throw this.#ended;
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** Part of capnweb's transport. */
  abort() {
    this.#end(new TwinError("TWIN_ABORTED", "The connection to the twin has ended."));
  }

  /**
   * @param {Record<string, unknown>} request
   * @param {{ onProgress?: OnProgress | undefined, signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<any>}
   */
  async ask(request, { onProgress, signal } = {}) {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, onProgress });
    });
    const cancel = () => this.#port.postMessage({ ask: "cancel", id });
    signal?.addEventListener("abort", cancel, { once: true });
    this.#port.postMessage({ ...request, id });
    try {
      return await answer;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Asks for what needs no answer. @param {Record<string, unknown>} request */
  tell(request) {
    this.#port.postMessage(request);
  }

  /** @param {any} message */
  #take(message) {
    if ("kept" in message) {
      this.kept = message.kept ?? undefined;
      this.#open();
    } else if (typeof message.rpc === "string") {
      const reader = this.#reader;
      this.#reader = undefined;
      if (reader) reader.resolve(message.rpc);
      else this.#received.push(message.rpc);
    } else if (typeof message.answer === "number") {
      this.#takeAnswer(message);
    } else if (typeof message.shown === "boolean") {
      this.shown = message.shown;
      this.#keepPlace();
      for (const handler of this.shownHandlers) handler(message.shown);
    } else if (message.closed) {
      this.#end(toTwinError(message.closed));
    }
  }

  #keepPlace() {
    const place = this.#place;
    this.#place = this.shown ? undefined : this.#scrolled;
    if (this.shown && place) requestAnimationFrame(() => scrollTo({ ...place, behavior: "instant" }));
  }

  /** @param {any} message */
  #takeAnswer({ answer: id, progress, ok, error }) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    if (progress) {
      asked.onProgress?.(progress.done, progress.total);
      return;
    }
    this.#asked.delete(id);
    if (error) asked.reject(toTwinError(error));
    else asked.resolve(ok);
  }

  /** @param {TwinError} error */
  #end(error) {
    this.#ended ??= error;
    this.#reader?.reject(error);
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
  }

  /** The shell cannot hear the keys of this frame. @param {KeyboardEvent} event */
  #forwardPaletteKey(event) {
    if (event.defaultPrevented || event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.tell({ ask: "palette" });
  }
}

/** One subscription of one handler; when the host ends it, it goes on after the last event seen. */
class Feed {
  /** @type {any} */
  #door;
  /** @type {string} */
  #capability;
  /** @type {(event: TwinEvent) => void} */
  #handler;
  /** @type {() => void} */
  #onGap;
  #last;
  #stopped = false;
  /** @type {any} */
  #subscription;

  /** @param {any} door @param {string} capability @param {(event: TwinEvent) => void} handler @param {{ after?: number, onGap?: () => void }} options */
  constructor(door, capability, handler, { after = -1, onGap = () => undefined }) {
    this.#door = door;
    this.#capability = capability;
    this.#handler = handler;
    this.#last = after;
    this.#onGap = onGap;
  }

  stop() {
    this.#stopped = true;
    this.#subscription?.[Symbol.dispose]();
  }

  /** Listens, or throws the twin's refusal. */
  async subscribe() {
    try {
      this.#subscription = await this.#door.subscribe(
        this.#last,
        (/** @type {any} */ event) => this.#deliver(event),
        (/** @type {any} */ reason) => this.#resume(reason?.details?.oldest),
      );
      if (this.#stopped) this.stop();
    } catch (error) {
      const oldest = /** @type {any} */ (error)?.details?.oldest;
      if (typeof oldest !== "number") throw toTwinError(error);
      this.#resume(oldest);
    }
  }

  /** @param {unknown} oldest sequence of the oldest event that is still kept, when some are gone */
  #resume(oldest) {
    if (this.#stopped) return;
    if (typeof oldest === "number") this.#last = oldest - 1;
    if (typeof oldest === "number" || this.#last < 0) this.#onGap();
    // It fails when the connection has ended, which every call tells.
    void this.subscribe().catch(() => undefined);
  }

  /** @param {any} event */
  #deliver(event) {
    if (this.#stopped || event.sequence <= this.#last) return;
    this.#last = event.sequence;
    // `chat@2` may go by the plain name here.
    if (event.capability !== this.#capability && !this.#capability.startsWith(`${event.capability}@`)) return;
    try {
      this.#handler({ ...event, payload: JSON.parse(event.payload) });
    } catch (error) {
      // Thrown further, it would end the subscription.
      reportError(error);
    }
  }
}

/** `twin.chat.post(params)` for `twin.call("chat", "post", params)`. @param {Twin} twin @returns {any} */
function withCapabilities(twin) {
  return new Proxy(twin, {
    get(target, name) {
      // A promise that resolves with this proxy asks for `then`; it is no capability.
      if (typeof name === "symbol" || name === "then") return undefined;
      if (!Reflect.has(target, name)) return methodsOf(target, name);
      const own = Reflect.get(target, name, target);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}

/** @param {Twin} twin @param {string} capability */
function methodsOf(twin, capability) {
  return new Proxy(Object.freeze({}), {
    get: (_, method) => {
      if (typeof method === "symbol" || method === "then") return undefined;
      return (/** @type {unknown} */ params, /** @type {object} */ options) =>
        twin.call(capability, method, params, options);
    },
  });
}

/** @param {unknown} thrown */
function toTwinError(thrown) {
  if (thrown instanceof TwinError) return thrown;
  const { code, message, details } = /** @type {any} */ (thrown ?? {});
  return new TwinError(
    typeof code === "string" ? code : "TWIN_HOST_INTERNAL",
    message ?? "The twin did not answer.",
    details ?? {},
  );
}

/** Opaque origins have no storage, and libraries that touch it throw: these forget when the experience closes. */
class MemoryStorage {
  #items = new Map();
  get length() {
    return this.#items.size;
  }
  /** @param {number} index */
  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }
  /** @param {unknown} name */
  getItem(name) {
    return this.#items.get(String(name)) ?? null;
  }
  /** @param {unknown} name @param {unknown} value */
  setItem(name, value) {
    this.#items.set(String(name), String(value));
  }
  /** @param {unknown} name */
  removeItem(name) {
    this.#items.delete(String(name));
  }
  clear() {
    this.#items.clear();
  }
}

for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { value: new MemoryStorage(), configurable: true });
}
