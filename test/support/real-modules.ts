// SQLite and QuickJS as others compiled them, with any rewriting of their WebAssembly in between.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { ownMemory } from "./own-memory.ts";

const require = createRequire(import.meta.url);

/** A program that answers a text for a text: SQL or JavaScript. Synchronous. */
type TextProgram = (input: string) => string;

/** A started program, and what it exports. */
export interface RealModule {
  readonly run: TextProgram;
  readonly exports: WebAssembly.Exports;
}

/** The bytes of sql.js. */
export function sqliteBytes(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(require.resolve("sql.js/dist/sql-wasm.wasm")));
}

/** The bytes of QuickJS, with a memory of its own: it imports one as it comes. */
export function quickjsBytes(): Uint8Array<ArrayBuffer> {
  return ownMemory(new Uint8Array(readFileSync(require.resolve("@jitl/quickjs-wasmfile-release-sync/wasm"))));
}

interface SqlDatabase {
  exec(sql: string): { readonly columns: readonly string[]; readonly values: readonly unknown[][] }[];
}
type SqlFactory = (options: object) => Promise<{ readonly Database: new () => SqlDatabase }>;

/** An empty database in memory, to which SQL is given; answers all rows as JSON. `started` sees the exports before any of them is called. */
export async function openSqlite(
  bytes: Uint8Array<ArrayBuffer>,
  started: (exports: WebAssembly.Exports) => void,
): Promise<RealModule> {
  let exports: WebAssembly.Exports = {};
  // It keeps its first instance for ever: a fresh copy of the code has none.
  const path = require.resolve("sql.js/dist/sql-wasm.js");
  delete require.cache[path];
  const factory = require(path) as SqlFactory;
  const { Database } = await factory({
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
      exports = instance.exports;
      started(exports);
      done(instance);
      return exports;
    },
  });
  const database = new Database();
  return { run: (sql) => JSON.stringify(database.exec(sql)), exports };
}

interface QuickjsText {
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, address: number, size: number): void;
  UTF8ToString(address: number): string;
}
type QuickjsFunction = (...args: readonly number[]) => number;
/** What is called of the exports, under the glue's names. */
type QuickjsModule = QuickjsText & Readonly<Record<`_${string}`, QuickjsFunction>>;
type QuickjsFactory = (options: object) => Promise<QuickjsModule>;

/** A fresh JavaScript context; answers the text of the last expression. */
export async function openQuickjs(
  bytes: Uint8Array<ArrayBuffer>,
  started: (exports: WebAssembly.Exports) => void,
): Promise<RealModule> {
  // The glue makes views of the memory before it instantiates: so the instance comes first, with
  // imports that are bound afterwards.
  const module = new WebAssembly.Module(bytes);
  const late: Record<string, Function> = {};
  const stubs = WebAssembly.Module.imports(module).map(({ name }) => [
    name,
    (...args: unknown[]) => late[name]!(...args),
  ]);
  const instance = new WebAssembly.Instance(module, { a: Object.fromEntries(stubs) });
  started(instance.exports);
  const factory = require("@jitl/quickjs-wasmfile-release-sync/emscripten-module") as QuickjsFactory;
  const quickjs = await factory({
    wasmMemory: instance.exports["memory"],
    instantiateWasm: (imports: { a: object }, done: (instance: WebAssembly.Instance) => void) => {
      Object.assign(late, imports.a);
      done(instance);
      return instance.exports;
    },
  });
  const call = (name: string, ...args: readonly number[]): number => quickjs[`_${name}`]!(...args);
  const context = call("QTS_NewContext", call("QTS_NewRuntime"), 0);
  const put = (text: string): number => {
    const size = quickjs.lengthBytesUTF8(text) + 1;
    const address = call("malloc", size);
    quickjs.stringToUTF8(text, address, size);
    return address;
  };
  const name = put("program.js");
  const run = (code: string): string => {
    const value = call("QTS_Eval", context, put(code), code.length, name, 0, 0);
    return quickjs.UTF8ToString(call("QTS_GetString", context, value));
  };
  return { run, exports: instance.exports };
}
