// The twin itself: methods that were not granted, the owner's authority, the shell's services.

const GRANTED = ["echo", "echo"];
/** Every method of the built-in capabilities that was not granted, and some that do not exist. */
const UNGRANTED = [
  ["echo", "count"],
  ["contacts", "list"],
  ["contacts", "add"],
  ["contacts", "remove"],
  ["contacts", "circle_add"],
  ["chat", "conversations"],
  ["chat", "messages"],
  ["chat", "post"],
  ["chat", "receive"],
  ["chat", "mark_read"],
  ["files", "list"],
  ["files", "add"],
  ["files", "remove"],
  ["files", "usage"],
  ["echo", "__proto__"],
  ["__proto__", "echo"],
  ["echo", "constructor"],
  ["", ""],
  ["echo", "twin_alloc"],
  ["$grants", "get"],
];
/** What the owner's interface has and a door has not, and the ways around through JavaScript itself. */
const OWNER_PATHS = [
  "status",
  "capabilities",
  "installCapability",
  "upgradeCapability",
  "rollBackCapability",
  "restoreCapability",
  "removeCapability",
  "experiences",
  "removeExperience",
  "openExperience",
  "closeExperience",
  "grants",
  "grant",
  "revoke",
  "receipts",
  "browsers",
  "forgetBrowser",
  "invite",
  "accept",
  "parked",
  "statObject",
  "uploadTicket",
  "downloadPath",
  "scrub",
  "loginLink",
  "putFile",
  "putFolder",
  "getFile",
  "installExperienceFolder",
  "deliver",
  "record",
  "constructor",
  "constructor.constructor",
  "__proto__",
  "__proto__.constructor",
  "call.constructor",
  "call.bind",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "__lookupGetter__",
  "about.constructor",
];

/** The port that the shell hands in; it is at the mercy of this page. @type {Promise<MessagePort>} */
const pipeArrives = new Promise((resolve) => {
  addEventListener("message", ({ data, ports }) => {
    if (data?.type === "twin-port" && ports[0]) resolve(ports[0]);
  });
});

/** Speaks to the door and the shell over the raw pipe: no library keeps it from saying what it likes. */
class RawTwin {
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  #pushed = new Map();
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  #asked = new Map();
  #lastPush = 0;
  #lastAsk = 0;

  /** @param {MessagePort} pipe */
  constructor(pipe) {
    this.pipe = pipe;
    pipe.onmessage = ({ data }) => {
      if (typeof data.rpc === "string") this.#takeRpc(JSON.parse(data.rpc));
      else if (typeof data.answer === "number") this.#takeAnswer(data);
    };
  }

  /**
   * Reads a property of the door, or calls it with `args` (capnweb's `push` and `pull`).
   * @param {string[]} path @param {unknown[]} [args]
   */
  reach(path, args) {
    this.#lastPush += 1;
    const answer = Promise.withResolvers();
    this.#pushed.set(this.#lastPush, answer);
    this.#send(["push", args ? ["pipeline", 0, path, args] : ["pipeline", 0, path]]);
    this.#send(["pull", this.#lastPush]);
    return answer.promise;
  }

  /** Rejects with the shell's refusal. @param {Record<string, unknown>} request */
  ask(request) {
    this.#lastAsk += 1;
    const answer = Promise.withResolvers();
    this.#asked.set(this.#lastAsk, answer);
    this.pipe.postMessage({ ...request, id: this.#lastAsk });
    return answer.promise;
  }

  /** @param {unknown} message */
  #send(message) {
    this.pipe.postMessage({ rpc: JSON.stringify(message) });
  }

  /** @param {any[]} message */
  #takeRpc([kind, id, value]) {
    const answer = this.#pushed.get(id);
    if (kind === "resolve") answer?.resolve(value);
    // ["error", type, message, ...more]: the code is somewhere in it.
    else if (kind === "reject") answer?.reject(new Error(JSON.stringify(value)));
  }

  /** @param {any} answer */
  #takeAnswer({ answer: id, ok, error }) {
    if (error) this.#asked.get(id)?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else this.#asked.get(id)?.resolve(ok);
  }
}

/** @type {Promise<RawTwin>} */
const twinArrives = pipeArrives.then((pipe) => new RawTwin(pipe));

/** The one method that it may call: the way in works at all. */
export async function callGranted() {
  const twin = await twinArrives;
  return (await twin.reach(["call"], [...GRANTED, { text: "still here" }])).result.text;
}

/** @type {Record<string, () => unknown>} */
const calls = Object.fromEntries(
  UNGRANTED.map(([capability, method]) => [
    `call ${capability}.${method}`,
    async () => (await twinArrives).reach(["call"], [capability, method, {}]),
  ]),
);

/** A name that leads nowhere rejects, as a call and as a value. @type {Record<string, () => unknown>} */
const ownerMethods = Object.fromEntries(
  OWNER_PATHS.flatMap((path) => [
    [`owner ${path}()`, async () => (await twinArrives).reach(path.split("."), ["did:key:x"])],
    [`owner ${path}`, async () => nothing(await (await twinArrives).reach(path.split(".")))],
  ]),
);

/** capnweb answers a read of what is not there with undefined. @param {unknown} value */
function nothing(value) {
  if (JSON.stringify(value) === '["undefined"]') throw new Error("nothing there");
}

/** @type {Record<string, () => unknown>} */
const asks = {
  "ask put": async () => (await twinArrives).ask({ ask: "put", file: new File(["x"], "x") }),
  "ask get": async () => (await twinArrives).ask({ ask: "get", object: "2".repeat(44) }),
  "ask download": async () => (await twinArrives).ask({ ask: "download", object: "2".repeat(44), name: "x" }),
  "ask open script": async () => (await twinArrives).ask({ ask: "open", url: "javascript:alert(1)" }),
  "ask open plain": async () => (await twinArrives).ask({ ask: "open", url: "http://evil.test/" }),
};

/** Doors of the host that are not an experience's. @param {string} shell origin of the shell */
const hostDoors = (shell) => ({
  "host rpc": () => socketOpens(`${shell.replace("http", "ws")}/rpc`),
  "host door": () => socketOpens(`${shell.replace("http", "ws")}/door/${"a".repeat(26)}`),
  "own host socket": () => socketOpens(`${location.href.replace("http", "ws").replace(/index.*$/, "")}rpc`),
  "host login": () => fetch(`${shell}/login`, { method: "POST", body: "{}" }),
  "host objects": () => fetch(`${shell}/objects`, { method: "PUT", body: "x" }),
  "host status": () => fetch(`${shell}/healthz`),
  "host page": () => fetch(`${shell}/`),
  "host page no-cors": () => fetch(`${shell}/`, { mode: "no-cors" }),
  "host icon": () => loads(`${shell}/icons/chat`),
  "own login": () => answersOk("/login", { method: "POST", body: "{}" }),
  "own objects": () => answersOk("/objects/2", {}),
  "own wrapper": () => answersOk(`/wrapper/${"a".repeat(26)}`, {}),
  "own shell page": () => answersOk("/shell.css", {}),
});

/** @param {string} url */
function socketOpens(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onmessage = resolve;
    socket.onerror = () => reject(new Error("refused"));
    socket.onclose = () => reject(new Error("closed"));
  });
}

/** @param {string} url */
function loads(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = resolve;
    image.onerror = () => reject(new Error("refused"));
    image.src = url;
  });
}

/** @param {string} path @param {RequestInit} init */
async function answersOk(path, init) {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`${response.status}`);
}

/** @param {string} shell origin of the shell @returns {Record<string, () => unknown>} */
export const twinAttacks = (shell) => ({ ...calls, ...ownerMethods, ...asks, ...hostDoors(shell) });
