// Admission: judges a stranger's module once and meters it. The order is a matter of security. V8
// validates the original bytes first: a module that names an index beyond its own would otherwise
// become valid, and name what is ours, once we have appended to it.

import { LIMITS } from "../base/limits.ts";
import { METER_VERSION } from "./metering/cost-table.ts";
import { meterModule } from "./metering/module-meter.ts";
import { checkLimit, refusal } from "./refusal.ts";
import type { AdmittedModule, GuestLimits, HostFunction, HostInterface } from "./sandbox.ts";
import { readModule } from "./wasm/module-reader.ts";
import {
  type FunctionImport,
  type FunctionType,
  type ModuleExport,
  type ModuleShape,
  SECTION,
  VALUE_TYPE,
} from "./wasm/module-shape.ts";

/** Under what terms modules are admitted. The same bytes and policy always give the same module. */
export interface AdmissionPolicy {
  /** What may be imported; the prices are built into the admitted module. */
  readonly hostInterface: HostInterface;
  readonly limits: Pick<GuestLimits, "memorySizeBytes">;
}

const PAGE_SIZE = 65_536;
/** V8 quotes names of any length. */
const V8_TEXT_LENGTH = 400;
const FUNCTION_KIND = 0;
const MEMORY_KIND = 2;
const GLOBAL_KIND = 3;

const { i32, i64 } = VALUE_TYPE;
const METHOD_TYPE: FunctionType = { params: [i32, i32], results: [i64] };
const ABI_TYPES: Readonly<Record<string, FunctionType>> = {
  twin_alloc: { params: [i32], results: [i32] },
  twin_init: { params: [], results: [] },
};
const IMPORT_MODULE = "twin";
const RESERVED_PREFIX = "twin_";

/**
 * The metered form of the module `bytes`, which stay the caller's. Throws `TWIN_MODULE_INVALID`,
 * `_FEATURE`, `_IMPORT`, `_EXPORT` or `_LIMIT`; the details hold `rule` and `offset`.
 */
export function admit(bytes: Uint8Array, policy: AdmissionPolicy): AdmittedModule {
  const limit = LIMITS.sandbox.moduleSizeBytes;
  checkLimit({ what: "bytes", found: bytes.length, limit, offset: 0 });
  // A copy of our own: nobody may change the bytes between two of the steps.
  const original = new Uint8Array(bytes);
  validate(original);
  const shape = readModule(original);
  const importFuel = shape.imports.map((item) => checkImport(policy.hostInterface, item, shape.types[item.typeIndex]!));
  const pageMax = checkMemory(shape, policy.limits.memorySizeBytes);
  checkExports(shape);
  const wasm = meterModule(shape, { pageMax, elementMax: LIMITS.sandbox.tableElementCount, importFuel });
  return {
    wasm,
    meterVersion: METER_VERSION,
    exports: shape.exports.filter((item) => isMethod(shape, item)).map(({ name }) => name),
    imports: [...new Set(shape.imports.map(({ name }) => name))],
    sizeBytes: { original: original.length, admitted: wasm.length },
  };
}

function validate(bytes: Uint8Array<ArrayBuffer>): void {
  if (WebAssembly.validate(bytes)) return;
  const text = compileErrorOf(bytes);
  const offset = Number(/@\+(\d+)/u.exec(text)?.[1] ?? 0);
  const reason = `it is not valid WebAssembly (${text}); build it again, or compile for WebAssembly 2.0`;
  throw refusal("TWIN_MODULE_INVALID", { rule: "validation", offset, reason });
}

/** V8's own words: `validate` alone does not say what is wrong. */
function compileErrorOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    void new WebAssembly.Module(bytes);
  } catch (error) {
    if (error instanceof Error)
      return error.message.replace(/^WebAssembly\.Module\(\): /u, "").slice(0, V8_TEXT_LENGTH);
  }
  return "no reason given";
}

/** The price of the import. Names are looked up as own properties: a module may ask for `constructor`. */
function checkImport(list: HostInterface, { module, name, offset }: FunctionImport, type: FunctionType): number {
  if (module !== IMPORT_MODULE) {
    const reason = `it imports the function "${name}" of "${module}"; only those of "${IMPORT_MODULE}" can be; import what it offers or build without`;
    throw refusal("TWIN_MODULE_IMPORT", { rule: "import-module", offset, reason });
  }
  const offered = Object.hasOwn(list, name) ? list[name] : undefined;
  if (offered === undefined) {
    const reason = `the host offers no function "${name}"; see docs/formats/abi.md for those it does`;
    throw refusal("TWIN_MODULE_IMPORT", { rule: "import-name", offset, reason });
  }
  if (sameType(type, encodeType(offered))) return offered.fuel;
  const reason = `"${name}" is declared as ${describe(type)}, the host has ${describe(encodeType(offered))}; declare that`;
  throw refusal("TWIN_MODULE_IMPORT", { rule: "import-signature", offset, reason });
}

/** The pages that the memory may have at most. */
function checkMemory({ memory, sections }: ModuleShape, memorySizeBytes: number): number {
  const pageMax = Math.floor(Math.min(memorySizeBytes, LIMITS.sandbox.memorySizeBytesMax) / PAGE_SIZE);
  const offset = sections.get(SECTION.memory)?.start ?? 0;
  checkLimit({ what: "memory pages", found: memory?.min ?? 0, limit: pageMax, offset });
  return pageMax;
}

function checkExports(shape: ModuleShape): void {
  for (const item of shape.exports) {
    const { name, kind, index, offset } = item;
    if (kind === GLOBAL_KIND && shape.globals[index]) {
      const reason = `it exports the mutable global "${name}"; export a function that reads it`;
      throw refusal("TWIN_MODULE_EXPORT", { rule: "mutable-global", offset, reason });
    }
    if (name.startsWith(RESERVED_PREFIX) && !Object.hasOwn(ABI_TYPES, name)) {
      const reason = `names that begin with "${RESERVED_PREFIX}" are the host's; rename the export "${name}"`;
      throw refusal("TWIN_MODULE_EXPORT", { rule: "reserved-name", offset, reason });
    }
  }
  if (!shape.exports.some(({ name, kind }) => name === "memory" && kind === MEMORY_KIND)) {
    throw refusal("TWIN_MODULE_EXPORT", {
      rule: "memory",
      offset: 0,
      reason: 'no memory "memory" is exported; add it',
    });
  }
  for (const [name, type] of Object.entries(ABI_TYPES)) checkAbiExport(shape, name, type);
}

function checkAbiExport(shape: ModuleShape, name: string, expected: FunctionType): void {
  const found = shape.exports.find((item) => item.name === name);
  if (found === undefined && name === "twin_init") return;
  const type = found?.kind === FUNCTION_KIND ? typeOf(shape, found) : undefined;
  if (type !== undefined && sameType(type, expected)) return;
  const actual = type === undefined ? "is not there as a function" : `is ${describe(type)}`;
  const reason = `the export "${name}" ${actual}; export it as ${describe(expected)}`;
  throw refusal("TWIN_MODULE_EXPORT", { rule: "abi-export", offset: found?.offset ?? 0, reason });
}

function isMethod(shape: ModuleShape, item: ModuleExport): boolean {
  return item.kind === FUNCTION_KIND && sameType(typeOf(shape, item), METHOD_TYPE);
}

function typeOf(shape: ModuleShape, { index }: ModuleExport): FunctionType {
  return shape.types[shape.functionTypes[index]!]!;
}

function encodeType({ params, results }: HostFunction): FunctionType {
  return { params: params.map((type) => VALUE_TYPE[type]), results: results.map((type) => VALUE_TYPE[type]) };
}

function sameType(left: FunctionType, right: FunctionType): boolean {
  return describe(left) === describe(right);
}

const TYPE_NAMES = new Map<number, string>(Object.entries(VALUE_TYPE).map(([name, code]) => [code, name]));

function describe({ params, results }: FunctionType): string {
  return `(${typeNames(params)}) -> (${typeNames(results)})`;
}

function typeNames(types: readonly number[]): string {
  return types.map((type) => TYPE_NAMES.get(type)).join(", ");
}
