// SQLite, QuickJS and Brotli as others compiled them, with any rewriting of their WebAssembly in between.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { ownMemory } from "./own-memory.ts";

const require = createRequire(import.meta.url);

/** A program that answers a text for a text: SQL, JavaScript, or text to compress. Synchronous. */
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

/** The bytes of Rust's Brotli. */
export function brotliBytes(): Uint8Array<ArrayBuffer> {
  const folder = dirname(require.resolve("brotli-wasm"));
  return new Uint8Array(readFileSync(join(folder, "pkg.node/brotli_wasm_bg.wasm")));
}

/** What is called of Brotli, by the conventions of wasm-bindgen. */
interface BrotliExports {
  readonly memory: WebAssembly.Memory;
  readonly compress: (result: number, address: number, size: number, options: number) => void;
  readonly decompress: (result: number, address: number, size: number) => void;
  readonly __wbindgen_malloc: (size: number) => number;
  readonly __wbindgen_add_to_stack_pointer: (offset: number) => number;
}

/** Compresses a text and decompresses it again; answers the compressed bytes in hexadecimal and the text. */
export function openBrotli(
  bytes: Uint8Array<ArrayBuffer>,
  started: (exports: WebAssembly.Exports) => void,
): Promise<RealModule> {
  const module = new WebAssembly.Module(bytes);
  const imports: Record<string, Record<string, Function>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    // There are no options; all other imports are for errors.
    const act = (): number => Number(name === "__wbindgen_is_undefined");
    (imports[from] ??= {})[name] = act;
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  started(exports);
  const brotli = exports as unknown as BrotliExports;
  const { __wbindgen_malloc: allocate, __wbindgen_add_to_stack_pointer: moveStack } = brotli;
  const convert = (act: (result: number, address: number, size: number) => void, input: Uint8Array): Uint8Array => {
    const result = moveStack(-16);
    const address = allocate(input.length);
    new Uint8Array(brotli.memory.buffer).set(input, address);
    act(result, address, input.length);
    const [start = 0, size = 0] = new Int32Array(brotli.memory.buffer, result, 2);
    return new Uint8Array(brotli.memory.buffer).slice(start, start + size);
  };
  const run = (text: string): string => {
    const packed = convert((...args) => brotli.compress(...args, 0), Buffer.from(text));
    const unpacked = convert(brotli.decompress, packed);
    return `${Buffer.from(packed).toString("hex")} ${Buffer.from(unpacked).toString()}`;
  };
  return Promise.resolve({ run, exports });
}
