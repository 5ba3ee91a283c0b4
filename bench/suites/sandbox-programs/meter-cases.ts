// What metering costs: the same program unmetered and metered, turn by turn, as one ratio.

import { admit } from "../../../host/sandbox/admit.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { meterModule } from "../../../host/sandbox/metering/module-meter.ts";
import { readModule } from "../../../host/sandbox/wasm/module-reader.ts";
import {
  openQuickjs,
  openSqlite,
  quickjsBytes,
  type RealModule,
  sqliteBytes,
} from "../../../test/support/real-modules.ts";
import { type Case, quantile } from "../../measure.ts";
import { compileSandboxPrograms, SANDBOX_PROGRAMS } from "./programs.ts";
import { JAVASCRIPT_PROGRAM, SQL_PROGRAM } from "./texts.ts";

const FUEL = 1n << 50n;
/** Both forms need it before V8 has optimised all that is hot: a loop or two, or half a megabyte of code. */
const WARM_MS = { program: 300, real: 2_000 } as const;
const PAGE_MAX = LIMITS.sandbox.memorySizeBytesMax / 65_536;

/** The cases `meter-*` of the suite, and how much larger metered code is. */
export interface MeterCases {
  readonly cases: readonly Case[];
  readonly facts: Readonly<Record<string, string>>;
}

/** One program in both forms. Each call makes one run. */
interface Pair {
  readonly name: string;
  readonly unmetered: () => unknown;
  readonly metered: () => unknown;
  readonly warmMs: number;
}

/** Compiles and starts all programs in both forms. */
export async function openMeterCases(): Promise<MeterCases> {
  const bytes = await compileSandboxPrograms();
  const { wasm } = admit(bytes, { hostInterface: {}, limits: { memorySizeBytes: LIMITS.sandbox.memorySizeBytes } });
  const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const admitted = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports;
  const pairs = SANDBOX_PROGRAMS.map(({ name, exportName, argument }): Pair => {
    const [plain, paid] = [original, admitted].map((exports) => exports[exportName] as (argument: number) => bigint);
    const metered = (): bigint => {
      refuel(admitted);
      return paid!(argument);
    };
    return { name, unmetered: () => plain!(argument), metered, warmMs: WARM_MS.program };
  });
  const sqlite = await openReal("sqlite", { bytes: sqliteBytes(), open: openSqlite, program: SQL_PROGRAM });
  const quickjs = await openReal("quickjs", { bytes: quickjsBytes(), open: openQuickjs, program: JAVASCRIPT_PROGRAM });
  return {
    cases: [...pairs, sqlite.pair, quickjs.pair].map(caseOf),
    facts: {
      "metered code size, programs": growth(bytes, wasm),
      "metered code size, SQLite": sqlite.growth,
      "metered code size, QuickJS": quickjs.growth,
    },
  };
}

interface Real {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly open: typeof openSqlite;
  readonly program: string;
}

async function openReal(name: string, { bytes, open, program }: Real): Promise<{ pair: Pair; growth: string }> {
  const shape = readModule(bytes);
  const importFuel = shape.imports.map(() => 100);
  const wasm = meterModule(shape, { pageMax: PAGE_MAX, elementMax: LIMITS.sandbox.tableElementCount, importFuel });
  const plain = await open(bytes, () => undefined);
  const paid: RealModule = await open(wasm, (exports) => {
    refuel(exports);
    (exports["twin_start"] as (() => void) | undefined)?.();
  });
  const metered = (): string => {
    refuel(paid.exports);
    return paid.run(program);
  };
  const pair = { name, unmetered: () => plain.run(program), metered, warmMs: WARM_MS.real };
  return { pair, growth: growth(bytes, wasm) };
}

function refuel(exports: WebAssembly.Exports): void {
  (exports["twin_fuel"] as WebAssembly.Global).value = FUEL;
  (exports["twin_depth"] as WebAssembly.Global).value = LIMITS.sandbox.callDepth;
}

function growth(original: Uint8Array, metered: Uint8Array): string {
  return `${(metered.length / original.length).toFixed(2)} x`;
}

/** Throws when metering changes an answer. */
function caseOf({ name, unmetered, metered, warmMs }: Pair): Case {
  if (unmetered() !== metered()) throw new Error(`Metering changes what ${name} answers`);
  let first = true;
  const sample = (sliceMs: number): number => {
    const lastMs = first ? Math.max(sliceMs, warmMs) : sliceMs;
    first = false;
    const times: [number[], number[]] = [[], []];
    const started = performance.now();
    do {
      times[0].push(timed(unmetered));
      times[1].push(timed(metered));
    } while (performance.now() - started < lastMs);
    // Low quantiles: what disturbs a run only ever makes it longer.
    const [plain, paid] = times.map((list) =>
      quantile(
        list.toSorted((left, right) => left - right),
        0.25,
      ),
    );
    return paid! / plain!;
  };
  return {
    suite: "sandbox",
    name: `meter-${name}`,
    ours: { name: "sandbox", kind: "wasm", version: "ours", sample },
    others: [],
  };
}

function timed(run: () => unknown): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}
