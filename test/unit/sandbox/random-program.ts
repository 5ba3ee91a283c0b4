// Random structured programs with a second opinion: each is written as WebAssembly text, and run by
// a walk over its tree that counts what every executed instruction costs. The prices are written
// here again on purpose.

import fc from "fast-check";

const LOCAL_COUNT = 4;
const LABELS_MAX = 3;

/** A value of an expression. */
type Expression =
  | { readonly kind: "const"; readonly value: number }
  | { readonly kind: "local"; readonly index: number }
  | {
      readonly kind: "binary";
      readonly name: keyof typeof BINARY;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "select"; readonly parts: readonly [Expression, Expression, Expression] }
  | { readonly kind: "call"; readonly callee: number; readonly args: readonly [Expression, Expression] }
  | { readonly kind: "choose"; readonly test: Expression; readonly yes: Expression; readonly no: Expression };

/** A statement. Labels are counted from the innermost block, as in WebAssembly. */
type Statement =
  | { readonly kind: "set"; readonly index: number; readonly value: Expression }
  | { readonly kind: "if"; readonly test: Expression; readonly yes: Body; readonly no: Body | undefined }
  | { readonly kind: "block"; readonly body: Body }
  | { readonly kind: "repeat"; readonly times: number; readonly body: Body }
  | { readonly kind: "branch"; readonly label: number; readonly test: Expression | undefined }
  | { readonly kind: "table"; readonly value: Expression; readonly labels: readonly number[] }
  | { readonly kind: "return"; readonly value: Expression };

type Body = readonly Statement[];

/** Functions of `(i32, i32) -> i32`; each calls only those before it. The last one is the entry. */
export type Program = readonly { readonly body: Body; readonly result: Expression }[];

const BINARY = {
  add: { fuel: 1, run: (left: number, right: number) => left + right },
  sub: { fuel: 1, run: (left: number, right: number) => left - right },
  mul: { fuel: 2, run: Math.imul },
  xor: { fuel: 1, run: (left: number, right: number) => left ^ right },
  shr_u: { fuel: 1, run: (left: number, right: number) => left >>> (right & 31) },
  lt_u: { fuel: 1, run: (left: number, right: number) => Number(left >>> 0 < right >>> 0) },
} as const;

function expressions(functionIndex: number): fc.Arbitrary<Expression> {
  const { value } = fc.letrec<{ value: Expression }>((tie) => {
    const value = tie("value");
    const leaves = [
      fc.record({ kind: fc.constant("const" as const), value: fc.integer({ min: -20, max: 20 }) }),
      fc.record({ kind: fc.constant("local" as const), index: fc.nat(LOCAL_COUNT - 1) }),
    ];
    const name = fc.constantFrom(...(Object.keys(BINARY) as (keyof typeof BINARY)[]));
    const branches = [
      fc.record({ kind: fc.constant("binary" as const), name, left: value, right: value }),
      fc.record({ kind: fc.constant("select" as const), parts: fc.tuple(value, value, value) }),
      fc.record({ kind: fc.constant("choose" as const), test: value, yes: value, no: value }),
    ];
    const call = fc.record({
      kind: fc.constant("call" as const),
      callee: fc.nat(Math.max(0, functionIndex - 1)),
      args: fc.tuple(value, value),
    });
    return { value: fc.oneof({ maxDepth: 3 }, ...leaves, ...branches, ...(functionIndex > 0 ? [call] : [])) };
  });
  return value;
}

function bodies(functionIndex: number): fc.Arbitrary<Body> {
  const value = expressions(functionIndex);
  const { body } = fc.letrec<{ body: Body; statement: Statement }>((tie) => {
    const body = tie("body");
    const label = fc.nat(LABELS_MAX);
    const statement: fc.Arbitrary<Statement> = fc.oneof(
      { maxDepth: 4 },
      fc.record({ kind: fc.constant("set" as const), index: fc.nat(LOCAL_COUNT - 1), value }),
      fc.record({ kind: fc.constant("branch" as const), label, test: fc.option(value, { nil: undefined }) }),
      fc.record({
        kind: fc.constant("table" as const),
        value,
        labels: fc.array(label, { minLength: 1, maxLength: 4 }),
      }),
      fc.record({ kind: fc.constant("return" as const), value }),
      fc.record({
        kind: fc.constant("if" as const),
        test: value,
        yes: body,
        no: fc.option(body, { nil: undefined }),
      }),
      fc.record({ kind: fc.constant("block" as const), body }),
      fc.record({ kind: fc.constant("repeat" as const), times: fc.nat(3), body }),
    );
    return { statement, body: fc.array(tie("statement"), { maxLength: 4, depthIdentifier: "body" }) };
  });
  return body;
}

/** Programs of three functions. */
export const programs: fc.Arbitrary<Program> = fc.tuple(
  ...[0, 1, 2].map((index) => fc.record({ body: bodies(index), result: expressions(index) })),
);

/** The program as fields of a module; its last function is `$f2`. */
export function programText(program: Program): string {
  return program
    .map(({ body, result }, index) => {
      // Locals 4 and up count the rounds of `repeat`, one for each depth.
      const counters = "i32 ".repeat(8);
      const code = `${bodyText(body, 0, 0)} ${valueText(result)}`;
      return `(func $f${index} (param i32 i32) (result i32) (local i32 i32 ${counters}) ${code})`;
    })
    .join("\n");
}

function valueText(value: Expression): string {
  switch (value.kind) {
    case "const":
      return `i32.const ${value.value}`;
    case "local":
      return `local.get ${value.index}`;
    case "binary":
      return `${valueText(value.left)} ${valueText(value.right)} i32.${value.name}`;
    case "select":
      return `${value.parts.map(valueText).join(" ")} select`;
    case "call":
      return `${value.args.map(valueText).join(" ")} call $f${value.callee}`;
    default:
      return `${valueText(value.test)} if (result i32) ${valueText(value.yes)} else ${valueText(value.no)} end`;
  }
}

function bodyText(body: Body, labels: number, repeats: number): string {
  return body.map((statement) => statementText(statement, labels, repeats)).join("\n");
}

/** `labels` blocks are around it; a branch to one more would leave the function, so it stays inside. */
function statementText(statement: Statement, labels: number, repeats: number): string {
  switch (statement.kind) {
    case "set":
      return `${valueText(statement.value)} local.set ${statement.index}`;
    case "if": {
      const other = statement.no === undefined ? "" : `else ${bodyText(statement.no, labels + 1, repeats)}`;
      return `${valueText(statement.test)} if ${bodyText(statement.yes, labels + 1, repeats)} ${other} end`;
    }
    case "block":
      return `block ${bodyText(statement.body, labels + 1, repeats)} end`;
    case "repeat": {
      const counter = LOCAL_COUNT + repeats;
      const head = `local.get ${counter} i32.eqz br_if 1 local.get ${counter} i32.const 1 i32.sub local.set ${counter}`;
      const inner = bodyText(statement.body, labels + 2, repeats + 1);
      return `i32.const ${statement.times} local.set ${counter} block loop ${head} ${inner} br 0 end end`;
    }
    case "branch":
      if (labels === 0) return "nop";
      if (statement.test === undefined) return `br ${statement.label % labels}`;
      return `${valueText(statement.test)} br_if ${statement.label % labels}`;
    case "table":
      if (labels === 0) return "nop";
      return `${valueText(statement.value)} br_table ${statement.labels.map((label) => label % labels).join(" ")}`;
    default:
      return `${valueText(statement.value)} return`;
  }
}

/** How a statement ended: normally, by a branch to a label, or by a return. */
type End = undefined | { readonly label: number } | { readonly value: number };

/** Thrown when a walk has burnt more than the caller allows. */
export class TooLong extends Error {}

/** Runs the program's last function on `(left, right)`; returns its result and what it burnt. */
export function walk(
  program: Program,
  args: readonly [number, number],
  fuelMax: number,
): { value: number; fuel: number } {
  let fuel = 0;
  const pay = (price: number): void => {
    fuel += price;
    if (fuel > fuelMax) throw new TooLong();
  };

  const run = (index: number, [left, right]: readonly [number, number]): number => {
    pay(6 + Math.ceil((LOCAL_COUNT - 2 + 8) / 4));
    const locals = [left, right, 0, 0];
    const end = runBody(program[index]!.body, locals, 0);
    if (end !== undefined && "value" in end) return end.value;
    return evaluate(program[index]!.result, locals);
  };

  const evaluate = (expression: Expression, locals: number[]): number => {
    switch (expression.kind) {
      case "const":
        pay(1);
        return expression.value;
      case "local":
        pay(1);
        return locals[expression.index]!;
      case "binary": {
        const left = evaluate(expression.left, locals);
        const right = evaluate(expression.right, locals);
        pay(BINARY[expression.name].fuel);
        return BINARY[expression.name].run(left, right) | 0;
      }
      case "select": {
        const [yes, no, test] = expression.parts.map((part) => evaluate(part, locals)) as [number, number, number];
        pay(1);
        return test === 0 ? no : yes;
      }
      case "call": {
        const args = expression.args.map((arg) => evaluate(arg, locals)) as [number, number];
        pay(4 + 3);
        return run(expression.callee, args);
      }
      default:
        return evaluateTest(expression.test, locals)
          ? evaluate(expression.yes, locals)
          : evaluate(expression.no, locals);
    }
  };

  const evaluateTest = (expression: Expression, locals: number[]): boolean => {
    const value = evaluate(expression, locals);
    pay(1);
    return value !== 0;
  };

  const runBody = (body: Body, locals: number[], labels: number): End => {
    for (const statement of body) {
      const end = runStatement(statement, locals, labels);
      if (end !== undefined) return end;
    }
    return undefined;
  };

  /** Runs the inside of a block: a branch to it ends here, one to an outer block goes on. */
  const runBlock = (body: Body, locals: number[], labels: number): End => leave(runBody(body, locals, labels + 1));

  const leave = (end: End): End => {
    if (end === undefined || "value" in end) return end;
    return end.label === 0 ? undefined : { label: end.label - 1 };
  };

  const runRepeat = (times: number, body: Body, at: { locals: number[]; labels: number }): End => {
    pay(1 + 1);
    for (let left = times; ; left--) {
      pay(3);
      pay(1 + 1 + 1);
      if (left === 0) return undefined;
      pay(1 + 1 + 1 + 1);
      const end = runBody(body, at.locals, at.labels + 2);
      if (end === undefined) pay(1);
      else if ("value" in end) return end;
      else if (end.label === 1) return undefined;
      else if (end.label > 1) return { label: end.label - 2 };
    }
  };

  const runStatement = (statement: Statement, locals: number[], labels: number): End => {
    switch (statement.kind) {
      case "set":
        locals[statement.index] = evaluate(statement.value, locals);
        pay(1);
        return undefined;
      case "if":
        return evaluateTest(statement.test, locals)
          ? runBlock(statement.yes, locals, labels)
          : runBlock(statement.no ?? [], locals, labels);
      case "block":
        return runBlock(statement.body, locals, labels);
      case "repeat":
        return runRepeat(statement.times, statement.body, { locals, labels });
      case "branch": {
        if (labels === 0) return undefined;
        const taken = statement.test === undefined || evaluate(statement.test, locals) !== 0;
        pay(1);
        return taken ? { label: statement.label % labels } : undefined;
      }
      case "table": {
        if (labels === 0) return undefined;
        const value = evaluate(statement.value, locals) >>> 0;
        pay(4);
        return { label: statement.labels[Math.min(value, statement.labels.length - 1)]! % labels };
      }
      default: {
        const value = evaluate(statement.value, locals);
        pay(1 + 1);
        return { value };
      }
    }
  };

  return { value: run(program.length - 1, args), fuel };
}
