// The compiled kernels, rewritten to tell every decision and every address: each condition of a
// branch or a choice, each entry of a function and a loop, each address of a load or store.

import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { addressOf, type KernelExports, type KernelModule } from "../../host/kernels/kernel-module.ts";

const BINARY = readFileSync(new URL("../../assembly/build/kernels.wasm", import.meta.url));
/** FNV-1a. */
const DIGEST_START = 0x811c9dc5;
const DIGEST_FACTOR = 0x01000193;

/** The kernels and what they did. */
export interface TracedKernels {
  readonly module: KernelModule;
  /** Runs `act` and returns its trace: how many events, and a digest over all of them in order. */
  readonly trace: (act: () => void) => { readonly count: number; readonly digest: number };
}

/** Rewrites the shipped module and instantiates it. */
export async function openTracedKernels(): Promise<TracedKernels> {
  let count = 0;
  let digest = DIGEST_START;
  const note = (value: number): void => {
    count++;
    digest = Math.imul(digest ^ value, DIGEST_FACTOR);
  };
  const compiled = await WebAssembly.compile(instrument());
  const hooks: Record<string, WebAssembly.ExportValue> = {};
  for (const { name } of WebAssembly.Module.imports(compiled)) hooks[name] = hookOf(name);
  const instance = await WebAssembly.instantiate(compiled, { env: hooks });
  const exports = instance.exports as unknown as KernelExports;
  const bytes = new Uint8Array(exports.memory.buffer);
  const module = { exports, bytes, window: addressOf(exports.WINDOW), windowSize: addressOf(exports.WINDOW_SIZE) };
  return {
    module,
    trace(act) {
      count = 0;
      digest = DIGEST_START;
      act();
      return { count, digest: digest >>> 0 };
    },
  };

  /** Our hook is given a condition; binaryen's own `(id, bytes, offset, address)` where memory is touched, `(id, value)` for what is moved. */
  function hookOf(name: string): WebAssembly.ExportValue {
    switch (name) {
      case "condition":
        return (condition: number): number => {
          note(condition);
          return condition;
        };
      case "log_execution":
        return note;
      case "load_ptr":
      case "store_ptr":
        return (id: number, _: number, offset: number, address: number): number => {
          note(id);
          note(address + offset);
          return address;
        };
      default:
        return (_: number, value: number | bigint): number | bigint => value;
    }
  }
}

function instrument(): Uint8Array<ArrayBuffer> {
  const plain = binaryen.readBinary(BINARY);
  plain.setFeatures(binaryen.Features.All);
  const told = binaryen.parseText(tellConditions(plain.emitText()));
  told.setFeatures(binaryen.Features.All);
  told.runPasses(["log-execution", "instrument-memory"]);
  const binary = new Uint8Array(told.emitBinary());
  plain.dispose();
  told.dispose();
  return binary;
}

type Expression = string | Expression[];

/** Where the i32 that decides stands among an instruction's operands. */
const DECIDING: Readonly<Record<string, "first" | "last">> = {
  if: "first",
  br_if: "last",
  br_table: "last",
  select: "last",
};

/** The module's text with every condition passed through an import. */
function tellConditions(text: string): string {
  const [module] = parse(text) as [Expression[]];
  const wrapped = module.map((part) => (typeof part === "string" ? part : wrapConditions(part)));
  const hook = parse('(import "env" "condition" (func $condition (param i32) (result i32)))');
  return print([wrapped[0]!, ...hook, ...wrapped.slice(1)]);
}

function wrapConditions(expression: Expression): Expression {
  if (typeof expression === "string") return expression;
  const parts = expression.map(wrapConditions);
  const place = DECIDING[parts[0] as string];
  if (place === undefined) return parts;
  const operands = parts.flatMap((part, index) => (Array.isArray(part) && !isType(part) ? [index] : []));
  const index = place === "first" ? operands[0]! : operands.at(-1);
  return parts.with(index, ["call", "$condition", parts[index]!]);
}

function isType([head]: Expression[]): boolean {
  return head === "result" || head === "type";
}

function parse(text: string): Expression[] {
  const open: Expression[][] = [[]];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|;;.*|[()]|[^\s()"]+/gu)) {
    if (token.startsWith(";;")) continue;
    if (token === "(") open.push([]);
    else if (token === ")") open.at(-2).push(open.pop()!);
    else open.at(-1).push(token);
  }
  return open[0]!;
}

function print(expression: Expression): string {
  return typeof expression === "string" ? expression : `(${expression.map(print).join(" ")})`;
}
