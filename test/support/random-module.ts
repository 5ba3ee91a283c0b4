// Random modules that are valid by construction: all number types, all kinds of control, memory,
// globals, direct and indirect calls, recursion and loops without end. The same chance, the same text.

import { INSTRUCTIONS } from "../../host/sandbox/wasm/instruction-set.ts";

/** A whole number below its argument. */
export type Chance = (max: number) => number;

const TYPES = ["i32", "i64", "f32", "f64"] as const;
/** A number type. */
export type Type = (typeof TYPES)[number];

interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** An instruction that takes values of `from` and gives one of `to`. */
export interface Operation {
  readonly name: string;
  readonly from: readonly Type[];
  readonly to: Type;
}

/** Every arithmetic instruction of numbers: comparisons, calculations, conversions. */
export const OPERATIONS: readonly Operation[] = INSTRUCTIONS.slice(0, 0x108).flatMap((instruction, opcode) => {
  if (instruction === undefined || opcode < 0x45 || opcode === 0xd0 || opcode === 0xd1 || opcode === 0xd2) return [];
  const { name, pops } = instruction;
  const [type, what] = name.split(".") as [Type, string];
  const source = /_([if](?:32|64))(?:_[su])?$/u.exec(what)?.[1] as Type | undefined;
  const from = Array.from({ length: pops }, () => source ?? type);
  const compares = /^(?:eqz?|ne|[lg][te](?:_[su])?)$/u.test(what);
  return [{ name, from, to: compares ? "i32" : type }];
});
const LOADS = INSTRUCTIONS.slice(0x28, 0x36).map((instruction) => instruction!.name);
const STORES = INSTRUCTIONS.slice(0x36, 0x3f).map((instruction) => instruction!.name);

const FUNCTION_COUNT = 4;
const FUEL_OF_TEXT = 60;

/**
 * Fields of a module that exports `f0` to `f3`, which take and give numbers. It needs a memory, and
 * expects none of its functions ever to end.
 */
export function randomModule(chance: Chance): string {
  const signatures = Array.from({ length: FUNCTION_COUNT }, (): Signature => {
    const types = (max: number): Type[] => Array.from({ length: chance(max) }, () => pick(TYPES, chance));
    return { params: types(4), results: types(3) };
  });
  const globals = TYPES.map((type) => `(global $g_${type} (mut ${type}) (${type}.const ${chance(100)}))`);
  const functions = signatures.map((signature, index) => new FunctionText(signature, signatures, chance).write(index));
  const table = `(table 6 funcref) (elem (i32.const 0) $f0 $f1 $f2 $f3)`;
  return [table, ...globals, ...functions].join("\n");
}

function pick<Item>(items: readonly Item[], chance: Chance): Item {
  return items[chance(items.length)]!;
}

class FunctionText {
  readonly #signature: Signature;
  readonly #all: readonly Signature[];
  readonly #chance: Chance;
  readonly #locals: readonly Type[];
  /** What a branch to each enclosing block takes, outermost first. */
  readonly #labels: (readonly Type[])[];
  #room = FUEL_OF_TEXT;

  constructor(signature: Signature, all: readonly Signature[], chance: Chance) {
    this.#signature = signature;
    this.#all = all;
    this.#chance = chance;
    this.#locals = [...signature.params, ...Array.from({ length: chance(6) }, () => pick(TYPES, chance)), ...TYPES];
    this.#labels = [signature.results];
  }

  write(index: number): string {
    const { params, results } = this.#signature;
    const declared = this.#locals.slice(params.length);
    const head = `(func $f${index} (export "f${index}") ${typeText("param", params)} ${typeText("result", results)}`;
    return `${head} (local ${declared.join(" ")})\n${this.#block(results)})`;
  }

  /** Statements, then values of `types`. */
  #block(types: readonly Type[]): string {
    const statements = Array.from({ length: this.#chance(4) }, () => this.#statement());
    return `${statements.join("\n")} ${this.#values(types)}`;
  }

  #values(types: readonly Type[]): string {
    return types.map((type) => this.#value(type)).join(" ");
  }

  #local(type: Type): number {
    const fitting = this.#locals.flatMap((candidate, index) => (candidate === type ? [index] : []));
    return pick(fitting, this.#chance);
  }

  #value(type: Type): string {
    if (--this.#room < 0) return `${type}.const ${this.#chance(40)}`;
    switch (this.#chance(9)) {
      case 0:
        return `${type}.const ${type.startsWith("i") ? this.#chance(2 ** 31) : this.#chance(1_000) / 8}`;
      case 1:
        return `global.get $g_${type}`;
      case 2:
        return `${this.#address()} ${pick(
          LOADS.filter((name) => name.startsWith(type)),
          this.#chance,
        )} offset=${this.#chance(64)}`;
      case 3:
        return `${this.#values([type, type, "i32"])} select`;
      case 4:
        return `${this.#value("i32")} if (result ${type}) ${this.#inside([type], [type])} else ${this.#inside([type], [type])} end`;
      case 5:
        return `${this.#value(type)} local.tee ${this.#local(type)}`;
      case 6: {
        const operation = pick(
          OPERATIONS.filter(({ to }) => to === type),
          this.#chance,
        );
        return `${this.#values(operation.from)} ${operation.name}`;
      }
      case 7:
        return `block (result ${type}) ${this.#inside([type], [type])} end`;
      default:
        return `local.get ${this.#local(type)}`;
    }
  }

  /** Mostly within the first page. */
  #address(): string {
    return `${this.#value("i32")} ${this.#chance(20) === 0 ? "" : "i32.const 16383 i32.and"}`;
  }

  /** The inside of a block whose label takes `carried`. */
  #inside(results: readonly Type[], carried: readonly Type[]): string {
    this.#labels.push(carried);
    const text = this.#block(results);
    this.#labels.pop();
    return text;
  }

  #statement(): string {
    if (--this.#room < 0) return "nop";
    const type = pick(TYPES, this.#chance);
    switch (this.#chance(14)) {
      case 0:
        return `${this.#value(type)} global.set $g_${type}`;
      case 1:
        return `${this.#address()} ${this.#store()}`;
      case 2:
        return `${this.#value("i32")} if ${this.#inside([], [])} end`;
      case 3:
        return `${this.#value("i32")} if ${this.#inside([], [])} else ${this.#inside([], [])} end`;
      case 4:
        return `loop ${this.#inside([], [])} end`;
      case 5:
        return this.#countedLoop();
      case 6:
        return `block ${this.#inside([], [])} end`;
      case 7:
        return this.#branch();
      case 8:
        return `${this.#value("i32")} if ${this.#return()} end`;
      case 9:
        return this.#call();
      case 10:
        return `${this.#address()} ${this.#value("i32")} i32.const ${this.#chance(300)} memory.fill`;
      case 11:
        return this.#branchTable();
      default:
        return `${this.#value(type)} local.set ${this.#local(type)}`;
    }
  }

  #return(): string {
    this.#labels.push([]);
    const text = `${this.#values(this.#signature.results)} return`;
    this.#labels.pop();
    return text;
  }

  #store(): string {
    const name = pick(STORES, this.#chance);
    return `${this.#value(name.slice(0, 3) as Type)} ${name}`;
  }

  /** A loop that ends when a local has come down to zero: more often than not. */
  #countedLoop(): string {
    const counter = this.#local("i32");
    const down = `local.get ${counter} i32.const 1 i32.sub local.tee ${counter}`;
    const start = `i32.const ${this.#chance(20)} local.set ${counter}`;
    if (this.#chance(2) === 0) return `${start} loop ${this.#inside([], [])} ${down} i32.const 0 i32.gt_s br_if 0 end`;
    return `${start} block loop ${down} i32.const 0 i32.lt_s br_if 1 ${this.#nested()} br 0 end end`;
  }

  /** The inside of two blocks. */
  #nested(): string {
    this.#labels.push([]);
    const text = this.#inside([], []);
    this.#labels.pop();
    return text;
  }

  #branch(): string {
    const label = this.#chance(this.#labels.length);
    const carried = this.#labels.at(-1 - label) ?? [];
    const values = this.#values(carried);
    if (this.#chance(3) === 0) return `${values} br ${label}`;
    return `${values} ${this.#value("i32")} br_if ${label} ${"drop ".repeat(carried.length)}`;
  }

  #branchTable(): string {
    const labels = this.#labels.flatMap((carried, index) =>
      carried.length === 0 ? [this.#labels.length - 1 - index] : [],
    );
    if (labels.length === 0) return "nop";
    const chosen = Array.from({ length: 1 + this.#chance(4) }, () => pick(labels, this.#chance));
    return `${this.#value("i32")} br_table ${chosen.join(" ")}`;
  }

  #call(): string {
    const callee = this.#chance(this.#all.length);
    const { params, results } = this.#all[callee]!;
    const drops = "drop ".repeat(results.length);
    if (this.#chance(3) > 0) return `${this.#values(params)} call $f${callee} ${drops}`;
    const types = `${typeText("param", params)} ${typeText("result", results)}`;
    return `${this.#values(params)} i32.const ${this.#chance(8) === 0 ? this.#chance(8) : callee} call_indirect ${types} ${drops}`;
  }
}

function typeText(word: string, types: readonly Type[]): string {
  return types.length === 0 ? "" : `(${word} ${types.join(" ")})`;
}
