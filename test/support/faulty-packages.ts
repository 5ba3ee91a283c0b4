// Capabilities that go wrong at a host function of choice, in the middle of commands that have already
// changed everything that a command can change.

import { HOST_INTERFACE, permissionOf } from "../../host/engine/host-functions.ts";
import type { Method, PermissionRequest } from "../../host/packages/manifest.ts";
import { writePackage } from "../../host/packages/package-file.ts";
import { assemble } from "./assemble.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { testIdentity } from "./test-identity.ts";

/** How a guest goes wrong at a host function: right after it, by never ending after it, by what it passes (twice), by calling it without end. */
export const FAULTS = ["trap", "burn", "lie", "boast", "flood"] as const;

/** Names of the capabilities, each of which calls the next one; the last one goes wrong. */
export const CHAIN = ["top", "upper", "lower", "leaf"] as const;

const TASK_ONLY: ReadonlySet<string> = new Set(["http_fetch", "peer_call"]);

/** The host functions that a command may use. */
export const FUNCTIONS = Object.keys(HOST_INTERFACE).filter((name) => !TASK_ONLY.has(name));

const TEXTS = {
  key: [0, "k"],
  null: [16, "null"],
  topic: [32, "fault.noted"],
  code: [80, "no"],
  peer: [96, testIdentity(98).id],
  helper: [192, "helper"],
  keep: [208, "keep"],
  json: [224, '"x"'],
  object: [512, "CktRuQ2mttgRGkXJtyksdKHjUdc2C4TgDzyB98oEzy8"],
} as const;
type Name = keyof typeof TEXTS;
/** Where the name of the next capability and that of the method stand. */
const NEXT = 256;
const METHOD = 288;

const ref = (name: Name): string => `(i32.const ${TEXTS[name][0]}) (i32.const ${TEXTS[name][1].length})`;
const WILD = "(i32.const -65536) (i32.const 64)";
const HUGE = "(i32.const 0) (i32.const 0x7fffffff)";
const NULL = `(i64.const ${(BigInt(TEXTS.null[0]) << 32n) | BigInt(TEXTS.null[1].length)})`;

/** What a guest passes: as it should be, from outside of its memory, and far too much. */
function callOf(name: string, texts: { readonly [Each in Name]: string }): string {
  const { key, topic, object, code, peer, helper, keep, json } = texts;
  switch (name) {
    case "take":
      return `(drop (call $caller)) (call $take (i32.const ${json === WILD ? -8 : json === HUGE ? 0x7fff_fff8 : 65_536}))`;
    case "kv_get":
    case "kv_delete":
      return `(drop (call $${name} ${key}))`;
    case "kv_put":
      return `(call $kv_put ${key} ${json})`;
    case "kv_scan":
      return `(drop (call $kv_scan ${key} (i32.const 0) (i32.const 0) (i32.const ${json === HUGE ? -1 : 9}) (i32.const 0)))`;
    case "blob_link":
    case "blob_unlink":
      return `(call $${name} ${object})`;
    case "send":
      return `(call $send ${peer} ${helper} ${keep} ${json})`;
    case "emit":
      return `(call $emit ${topic} ${json})`;
    case "schedule":
      return `(drop (call $schedule (f64.const ${json === HUGE ? "inf" : "9e12"}) ${json === HUGE ? ref("keep") : keep} ${json === HUGE ? ref("json") : json}))`;
    case "unschedule":
      return `(drop (call $unschedule (f64.const ${json === ref("json") ? 7 : "nan"})))`;
    case "call":
      return `(drop (call $call ${helper} ${keep} ${json}))`;
    case "caller":
    case "now_ms":
      return `(drop (call $${name}))`;
    case "random":
      return `(call $random ${json === ref("json") ? "(i32.const 65536) (i32.const 8)" : json})`;
    case "log":
      return `(call $log (i32.const ${json === HUGE ? 9 : 1}) ${json})`;
    case "fail":
      return `(call $fail ${code} ${json})`;
    default:
      throw new RangeError(`Say how ${name} is called.`);
  }
}

const all = (text: (name: Name) => string) =>
  Object.fromEntries(Object.keys(TEXTS).map((name) => [name, text(name as Name)])) as Readonly<Record<Name, string>>;
const [GOOD, OUTSIDE, TOO_MUCH] = [all(ref), all(() => WILD), all(() => HUGE)];
/** Whoever got through with a lie answers one. */
const LIE = "(return (i64.const -1))";

function bodyOf(name: string, fault: (typeof FAULTS)[number]): string {
  const good = callOf(name, GOOD);
  switch (fault) {
    case "trap":
      return `${good} unreachable`;
    case "burn":
      return `${good} (loop $l (br $l))`;
    case "lie":
      return `${callOf(name, OUTSIDE)} ${LIE}`;
    case "boast":
      return `${callOf(name, TOO_MUCH)} ${LIE}`;
    default:
      return `(loop $l ${good} (br $l))`;
  }
}

/** Everything that a command can change, and must not have changed when it fails. */
const CHANGES = ["kv_put", "blob_link", "send", "emit", "schedule", "call"].map((name) => callOf(name, GOOD)).join(" ");

/** The name of the method that goes wrong in that way at that function. */
export function faultyMethod(name: string, fault: (typeof FAULTS)[number]): string {
  return `${fault}_${name}`;
}

/** `helper`, which keeps what it is given, and the capabilities of {@link CHAIN}, which depend on it: in the order to install them. */
export function faultyPackages(): Uint8Array<ArrayBuffer>[] {
  const helper = packageOf("helper", { keep: `(call $kv_put ${ref("key")} ${ref("json")})` }, []);
  const methods = FUNCTIONS.flatMap((name) =>
    FAULTS.map((fault) => [faultyMethod(name, fault), bodyOf(name, fault)] as const),
  );
  const names = methods.map(([method]) => method);
  const chain = CHAIN.toReversed().map((name, index) => {
    const next = CHAIN[CHAIN.length - index];
    const bodies =
      next === undefined
        ? methods.map(([method, body]) => [method, `${CHANGES} ${body}`])
        : names.map((method) => [method, `${CHANGES} ${callNext(next, method)}`]);
    return packageOf(
      name,
      { ...Object.fromEntries(bodies), keep: CHANGES.split(" (drop (call $call")[0]! },
      next === undefined ? [] : [{ call: next, methods: names }],
    );
  });
  return [helper, ...chain];
}

/** Writes the two names into memory, and calls. */
function callNext(next: string, method: string): string {
  const bytes = (text: string, at: number): string =>
    [...new TextEncoder().encode(text)]
      .map((byte, index) => `(i32.store8 (i32.const ${at + index}) (i32.const ${byte}))`)
      .join(" ");
  return `${bytes(next, NEXT)} ${bytes(method, METHOD)}
    (drop (call $call (i32.const ${NEXT}) (i32.const ${next.length}) (i32.const ${METHOD}) (i32.const ${method.length}) ${ref("json")}))`;
}

function packageOf(
  name: string,
  bodies: Readonly<Record<string, string>>,
  calls: readonly PermissionRequest["permission"][],
): Uint8Array<ArrayBuffer> {
  const isHelper = name === "helper";
  const imports = isHelper ? ["kv_put"] : FUNCTIONS;
  const wasm = assemble(`(module
    ${imports.map(importOf).join("\n")}
    (memory (export "memory") 2)
    ${Object.values(TEXTS)
      .map(([at, text]) => `(data (i32.const ${at}) "${text.replaceAll('"', String.raw`\22`)}")`)
      .join("\n")}
    (func (export "twin_alloc") (param i32) (result i32) (i32.const 4096))
    ${Object.entries(bodies)
      .map(([method, body]) => `(func (export "${method}") (param i32 i32) (result i64) ${body} ${NULL})`)
      .join("\n")}
  )`);
  const groups = new Set(
    imports.map((each) => permissionOf(each)).filter((group) => group !== undefined && group !== "call"),
  );
  const asked = isHelper ? [] : [{ call: "helper", methods: ["keep"] }, ...calls];
  const permissions = [...groups, ...asked].map((permission) => ({ permission, reason: "For the test." }));
  return writePackage({
    wasm,
    manifest: {
      abi: 1,
      name,
      version: "1.0.0",
      title: "Faulty",
      description: "Goes wrong.",
      licence: "Apache-2.0",
      methods: Object.fromEntries(Object.keys(bodies).map((method) => [method, COMMAND])),
      events: isHelper ? {} : { "fault.noted": true },
      permissions: permissions as PermissionRequest[],
      dataVersion: 1,
    },
    publisher: testIdentity(50),
    kernels: referenceKernels,
  });
}

const COMMAND: Method = { kind: "command", doc: "Goes wrong.", params: true, result: true };

function importOf(name: string): string {
  const { params, results } = HOST_INTERFACE[name]!;
  const types = (word: string, list: readonly string[]): string =>
    list.length === 0 ? "" : `(${word} ${list.join(" ")})`;
  return `(import "twin" "${name}" (func $${name} ${types("param", params)} ${types("result", results)}))`;
}
