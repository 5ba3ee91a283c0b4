// One module in three forms: as it came, metered, and counted by the second opinion. They must end
// alike, leave the same memory behind, and agree on what was burnt.

import { createHash } from "node:crypto";

import { TwinError } from "../../host/base/errors.ts";
import { admit } from "../../host/sandbox/admit.ts";
import type { HostInterface } from "../../host/sandbox/sandbox.ts";
import { readModule } from "../../host/sandbox/wasm/module-reader.ts";
import { type ModuleShape, VALUE_TYPE } from "../../host/sandbox/wasm/module-shape.ts";
import { COUNT_EXPORT, countInstructions } from "./count-instructions.ts";

/** How often each end was met. */
export interface Tally {
  refused: number;
  /** Calls that all forms completed with the same result for the same fuel. */
  agreed: number;
  /** Calls that trapped in all forms. */
  trapped: number;
  /** Calls that ran out of fuel or depth: the original might never end. */
  stopped: number;
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return { refused: 0, agreed: 0, trapped: 0, stopped: 0 };
}

const POLICY: { hostInterface: HostInterface; limits: { memorySizeBytes: number } } = {
  hostInterface: {},
  limits: { memorySizeBytes: 4 * 65_536 },
};
const FUEL = 30_000n;
const DEPTH = 400;
/** What a call that failed may have paid ahead: the straight code of the functions that were running. */
const AHEAD_MAX = 40_000n;

type Numeric = number | bigint;
interface Form {
  readonly exports: WebAssembly.Exports;
  /** The result as text, or undefined when it trapped. */
  call(name: string, args: readonly Numeric[]): string | undefined;
}

/** Compares all exported functions, called with a few arguments; throws an Error where the forms disagree. */
export function compareForms(bytes: Uint8Array<ArrayBuffer>, tally: Tally): void {
  const admitted = admitOrRefuse(bytes);
  if (admitted === undefined) {
    tally.refused++;
    return;
  }
  const shape = readModule(bytes);
  // It would run unmetered in the original, and perhaps for ever.
  if (shape.start !== undefined) return;
  const metered = start(admitted);
  const original = start(bytes);
  const counted = start(countInstructions(bytes));
  if (metered === undefined || original === undefined || counted === undefined) {
    if (original !== undefined || counted !== undefined || metered !== undefined)
      throw new Error("Only some forms start");
    return;
  }
  for (const [name, params] of callableOf(shape)) {
    // A form that was stopped is behind the others from then on.
    if (!compareCall({ metered, original, counted }, name, params, tally)) return;
  }
}

interface Forms {
  readonly metered: Form;
  readonly original: Form;
  readonly counted: Form;
}

function compareCall(
  { metered, original, counted }: Forms,
  name: string,
  params: readonly string[],
  tally: Tally,
): boolean {
  const args = params.map((type, index): Numeric => (type === "i64" ? BigInt(index + 5) : index + 3));
  const fuel = metered.exports["twin_fuel"] as WebAssembly.Global;
  const depth = metered.exports["twin_depth"] as WebAssembly.Global;
  fuel.value = FUEL;
  depth.value = DEPTH;
  const found = metered.call(name, args);
  const burnt = FUEL - (fuel.value as bigint);
  if (found === undefined && (burnt > FUEL || depth.value < 0)) {
    tally.stopped++;
    return false;
  }
  const count = counted.exports[COUNT_EXPORT] as WebAssembly.Global;
  count.value = 0n;
  const results = [original.call(name, args), counted.call(name, args)];
  const due = count.value as bigint;
  if (results.some((result) => result !== found))
    throw new Error(`${name} gives ${found}, not ${results.join(" or ")}`);
  if (digestOf(metered) !== digestOf(original)) throw new Error(`${name} leaves another memory behind`);
  const paid = found === undefined ? burnt >= due && burnt <= due + AHEAD_MAX : burnt === due;
  if (!paid) throw new Error(`${name} burnt ${burnt}, due were ${due}`);
  if (found === undefined) tally.trapped++;
  else tally.agreed++;
  return true;
}

function admitOrRefuse(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  try {
    return admit(bytes, POLICY).wasm;
  } catch (error) {
    if (error instanceof TwinError && error.code.startsWith("TWIN_MODULE_")) return undefined;
    throw error;
  }
}

function start(bytes: Uint8Array<ArrayBuffer>): Form | undefined {
  const module = new WebAssembly.Module(bytes);
  let exports: WebAssembly.Exports;
  try {
    exports = new WebAssembly.Instance(module).exports;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return undefined;
    throw error;
  }
  const call = (name: string, args: readonly Numeric[]): string | undefined => {
    try {
      return String((exports[name] as (...args: readonly Numeric[]) => unknown)(...args));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return undefined;
      throw error;
    }
  };
  return { exports, call };
}

const TYPE_NAMES = new Map<number, string>(Object.entries(VALUE_TYPE).map(([name, code]) => [code, name]));
const NUMBERS = new Set(["i32", "i64", "f32", "f64"]);

/** Exported functions of numbers, with the types of their parameters. */
function callableOf({ exports, functionTypes, types }: ModuleShape): [string, readonly string[]][] {
  return exports.flatMap(({ name, kind, index }) => {
    if (kind !== 0) return [];
    const { params, results } = types[functionTypes[index]!]!;
    const names = [...params, ...results].map((type) => TYPE_NAMES.get(type)!);
    return names.every((type) => NUMBERS.has(type)) ? [[name, names.slice(0, params.length)]] : [];
  });
}

/** What lies in the memory, in short. */
function digestOf({ exports }: Form): string {
  const { buffer } = exports["memory"] as WebAssembly.Memory;
  return createHash("sha256").update(new Uint8Array(buffer)).digest("hex");
}
