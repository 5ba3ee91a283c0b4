// The peer: Extism's JavaScript SDK and a plugin that echoes as its plugin kits do, eight bytes a call.

import { assemble } from "../../../test/support/assemble.ts";
import { type Peers, versionOf } from "../../peers.ts";

const PACKAGE = "@extism/extism";

/** Name, kind and version for the table. */
export const EXTISM = { name: "Extism", kind: "wasm", version: versionOf(PACKAGE) } as const;

/** A plugin: one instance. */
export interface Plugin {
  call(name: string, input?: Uint8Array): Promise<{ bytes(): Uint8Array } | null>;
  reset(): Promise<boolean>;
  close(): Promise<void>;
}

/** Its blocks are numbered by 15 bits, and every call takes some. */
const CALLS_PER_RESET = 4_096;
const callCounts = new WeakMap<Plugin, number>();

/** Calls, and now and then gives back the blocks of earlier calls, without which the SDK fails after some ten thousand. */
export async function callPlugin(plugin: Plugin, name: string, input?: Uint8Array): ReturnType<Plugin["call"]> {
  const count = (callCounts.get(plugin) ?? 0) + 1;
  callCounts.set(plugin, count);
  if (count % CALLS_PER_RESET === 0) await plugin.reset();
  return plugin.call(name, input);
}

/** The SDK's only entrance. */
export type CreatePlugin = (
  module: WebAssembly.Module,
  options: {
    readonly runInWorker?: boolean;
    readonly functions?: Readonly<Record<string, Readonly<Record<string, () => void>>>>;
  },
) => Promise<Plugin>;

/** The SDK, when it is installed. */
export function loadExtism(peers: Peers): CreatePlugin | undefined {
  const loaded = peers.load(PACKAGE) as CreatePlugin | { readonly default: CreatePlugin } | undefined;
  return typeof loaded === "object" ? loaded.default : loaded;
}

/** Answers its input. */
export const ECHO_PLUGIN = `(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $input_load (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 2)
  (func (export "echo") (result i32) (local $size i64) (local $at i64) (local $out i64)
    (local.set $size (call $input_length))
    (loop $read
      (i64.store (i32.wrap_i64 (local.get $at)) (call $input_load (local.get $at)))
      (br_if $read (i64.lt_u (local.tee $at (i64.add (local.get $at) (i64.const 8))) (local.get $size))))
    (local.set $out (call $alloc (local.get $size)))
    (local.set $at (i64.const 0))
    (loop $write
      (call $store (i64.add (local.get $out) (local.get $at)) (i64.load (i32.wrap_i64 (local.get $at))))
      (br_if $write (i64.lt_u (local.tee $at (i64.add (local.get $at) (i64.const 8))) (local.get $size))))
    (call $output_set (local.get $out) (local.get $size))
    (i32.const 0)))`;

/** Calls the host function `nothing` so often. */
export function hostCallPlugin(count: number): string {
  return `(module (import "extism:host/user" "nothing" (func $nothing))
    (memory (export "memory") 1)
    (func (export "run") (result i32) (local $left i32) (local.set $left (i32.const ${count}))
      (loop $again (call $nothing) (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i32.const 0)))`;
}

/** A compiled module of the text format. */
export function compileText(text: string): WebAssembly.Module {
  return new WebAssembly.Module(assemble(text));
}
