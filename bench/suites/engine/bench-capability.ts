// A capability that does as little as a capability can, so that what is measured is the engine.

import type { Kernels } from "../../../host/kernels/kernels.ts";
import type { Manifest, Method } from "../../../host/packages/manifest.ts";
import { writePackage } from "../../../host/packages/package-file.ts";
import { assemble } from "../../../test/support/assemble.ts";
import { testIdentity } from "../../../test/support/test-identity.ts";

/** Its name. */
export const BENCH_CAPABILITY = "bench";
/** The topic of the event that `receive` emits. */
export const RECEIVED_TOPIC = "bench.received";
/** Where `fetch` may send requests. */
export const BENCH_PLACE = "bench.example";
/** Characters of a key within the JSON string that `put` and `get` take: behind the quote. */
const KEY_SIZE = 8;
/** Length of a did:key of Ed25519. */
const TWIN_ID_SIZE = 56;

const TEXT: Method["params"] = { type: "string", maxLength: 4_096 };
const METHODS: Readonly<Record<string, Method>> = {
  get: { kind: "query", doc: "The value under the key that the text begins with.", params: TEXT, result: TEXT },
  put: { kind: "command", doc: "Keeps the text under the key that it begins with.", params: TEXT, result: TEXT },
  send: { kind: "command", doc: "Sends the text to the twin whose id it begins with.", params: TEXT, result: TEXT },
  receive: { kind: "command", doc: "Takes it.", params: TEXT, result: TEXT, exposeTo: ["contacts"] },
  fetch: { kind: "task", doc: "Sends the request, and answers it.", params: true, result: true },
};

const MANIFEST: Manifest = {
  abi: 1,
  name: BENCH_CAPABILITY,
  version: "1.0.0",
  title: "Bench",
  description: "Does as little as a capability can.",
  licence: "Apache-2.0",
  methods: METHODS,
  events: { [RECEIVED_TOPIC]: TEXT },
  permissions: (["state", "send", "emit", { http: [BENCH_PLACE] }] as const).map((permission) => {
    return { permission, reason: "To be measured." };
  }),
  dataVersion: 1,
};

const METHOD = "(param $at i32) (param $size i32) (result i64)";
const ECHO =
  "(i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $size)))";
const KEY = `(i32.add (local.get $at) (i32.const 1)) (i32.const ${KEY_SIZE})`;
const PAYLOAD = "(local.get $at) (local.get $size)";
const WAT = `(module
  (import "twin" "take" (func $take (param i32)))
  (import "twin" "kv_get" (func $kv_get (param i32 i32) (result i32)))
  (import "twin" "kv_put" (func $kv_put (param i32 i32 i32 i32)))
  (import "twin" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "twin" "emit" (func $emit (param i32 i32 i32 i32)))
  (import "twin" "http_fetch" (func $http_fetch (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "${BENCH_CAPABILITY}") (data (i32.const 16) "receive") (data (i32.const 32) "${RECEIVED_TOPIC}")
  (func (export "twin_alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "get") ${METHOD} (local $found i32)
    (local.set $found (call $kv_get ${KEY}))
    (if (i32.lt_s (local.get $found) (i32.const 0)) (then (return ${ECHO})))
    (call $take (i32.const 65536))
    (i64.or (i64.const ${65_536n << 32n}) (i64.extend_i32_u (local.get $found))))
  (func (export "put") ${METHOD} (call $kv_put ${KEY} ${PAYLOAD}) ${ECHO})
  (func (export "send") ${METHOD}
    (call $send (i32.add (local.get $at) (i32.const 1)) (i32.const ${TWIN_ID_SIZE})
      (i32.const 0) (i32.const ${BENCH_CAPABILITY.length}) (i32.const 16) (i32.const 7) ${PAYLOAD}) ${ECHO})
  (func (export "fetch") ${METHOD} (drop (call $http_fetch ${PAYLOAD} (i32.const 0) (i32.const 0))) ${ECHO})
  (func (export "receive") ${METHOD}
    (call $emit (i32.const 32) (i32.const ${RECEIVED_TOPIC.length}) ${PAYLOAD}) ${ECHO}))`;

/** The signed package. */
export function benchPackage(kernels: Kernels): Uint8Array<ArrayBuffer> {
  return writePackage({ wasm: assemble(WAT), manifest: MANIFEST, publisher: testIdentity(60), kernels });
}

/** A text of `length` characters that begins with the key of `index`. */
export function benchText(index: number, length: number): string {
  return `k${String(index).padStart(KEY_SIZE - 1, "0")}`.padEnd(length, `value ${index} `);
}
