// A capability for tests of the engine: each method does one thing a good or a bad guest may do.

import type { Manifest, Method, MethodKind, PermissionRequest } from "../../host/packages/manifest.ts";
import { type Publisher, writePackage } from "../../host/packages/package-file.ts";
import { assemble } from "./assemble.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { testIdentity } from "./test-identity.ts";

/** Whom `send` sends to. */
export const PROBE_PEER = testIdentity(99).id;

// Constants in the guest's memory; payloads are placed at 4096, answers taken to 65536.
const DATA = {
  k: [0, "k"],
  null: [16, "null"],
  broken: [32, "{broken"],
  code: [48, "name-taken"],
  message: [64, "Taken."],
  topic: [80, "probe.noted"],
  otherTopic: [96, "probe.secret"],
  peer: [128, PROBE_PEER],
  receive: [256, "receive"],
  probe: [272, "probe"],
  echo: [304, "echo"],
  receiveTrap: [320, "receive_trap"],
  big: [288, '"too much"'],
  put: [544, "put"],
  putTrap: [576, "put_trap"],
  fetch: [336, "fetch"],
} as const;

type Constant = readonly [number, string];

function ref([address, text]: Constant): string {
  return `(i32.const ${address}) (i32.const ${text.length})`;
}

function answer([address, text]: Constant): string {
  return `(i64.const ${(BigInt(address) << 32n) | BigInt(text.length)})`;
}

const PAYLOAD = "(local.get 0) (local.get 1)";
/** Answers the payload: the end of most bodies. */
export const ECHO =
  "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
/** Takes what the expression staged and answers it. */
const taken = (staged: string): string =>
  `(local.set 2 ${staged}) (call $take (i32.const 65536))
   (i64.or (i64.const ${65_536n << 32n}) (i64.extend_i32_u (local.get 2)))`;
const PUT = `(call $kv_put ${ref(DATA.k)} ${PAYLOAD})`;
const LOOP = "(loop $l (br $l))";

/** Fetches what the payload asks for; then `body` runs with the server's body as its payload. A failure is answered as it is. */
function fetched(body: string): string {
  return `(local.set 2 (call $http_fetch ${PAYLOAD} (i32.const 0) (i32.const 0)))
    (call $take (i32.const 65536))
    (if (i32.lt_s (local.get 2) (i32.const 0)) (then
      (return (i64.or (i64.const ${65_536n << 32n}) (i64.extend_i32_u (i32.sub (i32.const 0) (local.get 2)))))))
    (local.set 0 (i32.add (i32.const 65540) (i32.load (i32.const 65536))))
    (local.set 1 (i32.sub (i32.add (i32.const 65536) (local.get 2)) (local.get 0)))
    ${body}`;
}

/** How a probe is to be. */
export interface ProbeOptions {
  readonly name?: string;
  readonly version?: string;
  readonly publisher?: Publisher;
  /** The capability that `call_put`, `call_get`, `call_trap` call. */
  readonly calls?: string;
  /** Permissions that the manifest does not ask for, although the module needs them. */
  readonly without?: string;
  /** More methods: their bodies. */
  readonly more?: Readonly<Record<string, string>>;
  /** Tasks, which take and answer any JSON: their bodies. */
  readonly tasks?: Readonly<Record<string, string>>;
  /** Permissions besides those that the module needs. */
  readonly asks?: readonly PermissionRequest["permission"][];
  readonly init?: string;
  /** Whom `send` sends to, instead of {@link PROBE_PEER}; an id of the same length. */
  readonly peer?: string;
  readonly limits?: Manifest["limits"];
}

const QUERIES: Readonly<Record<string, string>> = {
  echo: ECHO,
  get: `(local.set 2 (call $kv_get ${ref(DATA.k)}))
    (if (i32.lt_s (local.get 2) (i32.const 0)) (then (return ${answer(DATA.null)})))
    (call $take (i32.const 65536)) (i64.or (i64.const ${65_536n << 32n}) (i64.extend_i32_u (local.get 2)))`,
  who: taken("(call $caller)"),
  loop: `${LOOP} ${answer(DATA.null)}`,
  trap: "unreachable",
  sneaky: `${PUT} ${ECHO}`,
  broken: answer(DATA.broken),
  wrong: ECHO,
  call_get: taken(`(call $call (i32.const 512) (global.get $otherSize) (i32.const 560) (i32.const 3) ${PAYLOAD})`),
  sneaky_call: taken(`(call $call (i32.const 512) (global.get $otherSize) (i32.const 544) (i32.const 3) ${PAYLOAD})`),
  wild: "(i64.const -1)",
  bad_take: `(call $take (i32.const 0)) ${ECHO}`,
  now: `(drop (call $now_ms)) ${ECHO}`,
  chatter: `(loop $l (call $log (i32.const 1) ${PAYLOAD}) (local.set 2 (i32.add (local.get 2) (i32.const 1)))
    (br_if $l (i32.lt_s (local.get 2) (i32.const 200)))) ${ECHO}`,
};
const COMMANDS: Readonly<Record<string, string>> = {
  put: `${PUT} ${ECHO}`,
  erase: `(drop (call $kv_delete ${ref(DATA.k)})) ${ECHO}`,
  put_trap: `${PUT} (call $emit ${ref(DATA.topic)} ${PAYLOAD}) (call $send ${ref(DATA.peer)} ${ref(DATA.probe)} ${ref(DATA.receive)} ${PAYLOAD}) unreachable`,
  put_loop: `${PUT} ${LOOP} ${ECHO}`,
  put_fail: `${PUT} (call $fail ${ref(DATA.code)} ${ref(DATA.message)}) ${ECHO}`,
  put_wrong: `${PUT} ${ECHO}`,
  send: `(call $send ${ref(DATA.peer)} ${ref(DATA.probe)} ${ref(DATA.receive)} ${PAYLOAD}) ${ECHO}`,
  receive: `(call $emit ${ref(DATA.topic)} ${PAYLOAD}) ${ECHO}`,
  receive_trap: `(call $emit ${ref(DATA.topic)} ${PAYLOAD}) unreachable`,
  emit_secret: `(call $emit ${ref(DATA.otherTopic)} ${PAYLOAD}) ${ECHO}`,
  emit_broken: `(call $emit ${ref(DATA.topic)} ${ref(DATA.broken)}) ${ECHO}`,
  later: `(f64.store (i32.const 70000) (call $schedule (f64.add (call $now_ms) (f64.const 1000)) ${ref(DATA.receive)} ${PAYLOAD}))
    (call $kv_put ${ref(DATA.k)} (i32.const 70000) (i32.const 8)) ${ECHO}`,
  later_bad: `(drop (call $schedule (f64.const 0) ${ref(DATA.receiveTrap)} ${PAYLOAD})) ${ECHO}`,
  later_trap: `(drop (call $schedule (f64.const 0) ${ref(DATA.receive)} ${PAYLOAD})) unreachable`,
  later_query: `(drop (call $schedule (f64.const 0) ${ref(DATA.echo)} ${PAYLOAD})) ${ECHO}`,
  later_many: `(loop $l (drop (call $schedule (f64.const 0) ${ref(DATA.receive)} ${PAYLOAD}))
    (local.set 2 (i32.add (local.get 2) (i32.const 1))) (br_if $l (i32.lt_s (local.get 2) (i32.const 101)))) ${ECHO}`,
  never: `(if (i32.eqz (call $unschedule (call $schedule (f64.const 0) ${ref(DATA.receive)} ${PAYLOAD}))) (then unreachable)) ${ECHO}`,
  cancel: `(if (i32.ge_s (call $kv_get ${ref(DATA.k)}) (i32.const 0)) (then (call $take (i32.const 70000))))
    (if (i32.eqz (call $unschedule (f64.load (i32.const 70000)))) (then (return ${answer(DATA.null)}))) ${ECHO}`,
  hidden: `${PUT} ${ECHO}`,
  call_put: `${PUT} ${taken(`(call $call (i32.const 512) (global.get $otherSize) (i32.const 544) (i32.const 3) ${PAYLOAD})`)}`,
  call_trap: `${PUT} ${taken(`(call $call (i32.const 512) (global.get $otherSize) (i32.const 576) (i32.const 8) ${PAYLOAD})`)}`,
  call_back: `${PUT} ${taken(`(call $call (i32.const 512) (global.get $otherSize) (i32.const 592) (i32.const 9) ${PAYLOAD})`)}`,
};
const IMPORTS = {
  take: "(param i32)",
  kv_get: "(param i32 i32) (result i32)",
  kv_put: "(param i32 i32 i32 i32)",
  kv_delete: "(param i32 i32) (result i32)",
  send: "(param i32 i32 i32 i32 i32 i32 i32 i32)",
  emit: "(param i32 i32 i32 i32)",
  schedule: "(param f64 i32 i32 i32 i32) (result f64)",
  unschedule: "(param f64) (result i32)",
  call: "(param i32 i32 i32 i32 i32 i32) (result i32)",
  caller: "(result i32)",
  now_ms: "(result f64)",
  log: "(param i32 i32 i32)",
  fail: "(param i32 i32 i32 i32)",
} as const;
/** Of a probe with tasks. */
const TASK_IMPORTS = {
  http_fetch: "(param i32 i32 i32 i32) (result i32)",
  peer_call: "(param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)",
} as const;

/** Bodies of tasks. Requests are heads of `http_fetch`; an answer of the outside is what the task answers. */
export const PROBE_TASKS = {
  /** The server's body, which must be JSON, or why there is none. */
  fetch: fetched(ECHO),
  /** Fetches, and stores what came by a command of its own. */
  fetch_put: fetched(`(drop (call $call ${ref(DATA.probe)} ${ref(DATA.put)} ${PAYLOAD})) ${ECHO}`),
  /** Stores a text by a command of its own, then fetches. */
  put_fetch: `(drop (call $call ${ref(DATA.probe)} ${ref(DATA.put)} ${ref(DATA.big)})) ${fetched(ECHO)}`,
  ask_peer: `(local.set 2 (call $peer_call ${ref(DATA.peer)} ${ref(DATA.probe)} ${ref(DATA.echo)} ${PAYLOAD}))
    (call $take (i32.const 65536))
    (i64.or (i64.const ${65_536n << 32n}) (i64.extend_i32_u (select (local.get 2) (i32.sub (i32.const 0) (local.get 2)) (i32.ge_s (local.get 2) (i32.const 0)))))`,
  put_twice: `(drop (call $call ${ref(DATA.probe)} ${ref(DATA.put)} ${PAYLOAD})) ${taken(`(call $call ${ref(DATA.probe)} ${ref(DATA.put)} ${PAYLOAD})`)}`,
  put_bad: taken(`(call $call ${ref(DATA.probe)} ${ref(DATA.putTrap)} ${PAYLOAD})`),
  direct_put: `${PUT} ${ECHO}`,
  direct_get: `(drop (call $kv_get ${ref(DATA.k)})) ${ECHO}`,
  nest_task: taken(`(call $call ${ref(DATA.probe)} ${ref(DATA.fetch)} ${PAYLOAD})`),
  burn: `${LOOP} ${ECHO}`,
  fall: "unreachable",
} as const;
const NESTED = new Set(["call_get", "call_put", "call_trap", "call_back", "sneaky_call"]);

/** A signed probe; the same options give the same bytes. */
export function probePackage(options: ProbeOptions = {}): Uint8Array<ArrayBuffer> {
  const { publisher = testIdentity(50), calls = "", peer = PROBE_PEER } = options;
  const { tasks = {} } = options;
  const hasTasks = Object.keys(tasks).length > 0;
  const bodies = { ...QUERIES, ...COMMANDS, ...options.more, ...tasks };
  const names = Object.keys(bodies).filter((name) => calls !== "" || !NESTED.has(name));
  const known = { ...IMPORTS, ...(hasTasks ? TASK_IMPORTS : {}) };
  const imports = Object.entries(known).filter(([name]) => calls !== "" || hasTasks || name !== "call");
  const wasm = assemble(`(module
    ${imports.map(([name, type]) => `(import "twin" "${name}" (func $${name} ${type}))`).join("\n")}
    (memory (export "memory") 8)
    (global $otherSize i32 (i32.const ${calls.length}))
    ${Object.values({ ...DATA, peer: [DATA.peer[0], peer] as const })
      .map(([address, text]) => `(data (i32.const ${address}) "${text.replaceAll('"', String.raw`\22`)}")`)
      .join("\n")}
    (data (i32.const 512) "${calls}") (data (i32.const 560) "get")
    (data (i32.const 592) "call_back")
    (func (export "twin_alloc") (param i32) (result i32) (i32.const 4096))
    ${options.init === undefined ? "" : `(func (export "twin_init") ${options.init})`}
    ${names.map((name) => `(func (export "${name}") (param i32 i32) (result i64) (local i32) ${bodies[name as keyof typeof bodies]})`).join("\n")}
  )`);
  return writePackage({ wasm, manifest: manifestOf(names, options), publisher, kernels: referenceKernels });
}

function manifestOf(names: readonly string[], options: ProbeOptions): Manifest {
  const { name = "probe", version = "1.0.0", calls, without, limits, asks = [], tasks = {} } = options;
  const groups = (["state", "send", "emit", "schedule"] as const).filter((group) => group !== without);
  const permissions: PermissionRequest[] = [...groups, ...asks].map((permission) => {
    return { permission, reason: "For the test." };
  });
  if (calls !== undefined && without !== "call") {
    const methods = ["put", "get", "put_trap", "call_back"];
    permissions.push({ permission: { call: calls, methods }, reason: "For the test." });
  }
  return {
    abi: 1,
    name,
    version,
    title: "Probe",
    description: "Does one thing per method.",
    licence: "Apache-2.0",
    methods: Object.fromEntries(
      names.map((method) => [method, Object.hasOwn(tasks, method) ? TASK : methodOf(method)]),
    ),
    events: { "probe.noted": { type: "string" } },
    permissions,
    ...(limits === undefined ? {} : { limits }),
    dataVersion: 1,
  };
}

const TASK: Method = { kind: "task", doc: "Tests tasks.", params: true, result: true, exposeTo: ["contacts"] };

function methodOf(name: string): Method {
  const kind: MethodKind = Object.hasOwn(QUERIES, name) ? "query" : "command";
  const result = name === "wrong" || name === "put_wrong" ? { type: "number" } : true;
  const exposed = name.startsWith("receive") ? { exposeTo: ["contacts"] } : {};
  return { kind, doc: `Tests ${name}.`, params: { type: "string", maxLength: 100_000 }, result, ...exposed };
}
