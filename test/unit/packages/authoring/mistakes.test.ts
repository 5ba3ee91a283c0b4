// What authors get wrong, and what they are told: the line, the mistake, and what to do.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TOOLCHAIN } from "../../../../host/packages/authoring/compile-assembly-script.ts";
import { adviceOn } from "../../../../host/packages/authoring/source-advice.ts";
import { readAuthorSource } from "../../../../host/packages/authoring/author-source.ts";

const FILE = {
  name: "wrong",
  version: "1.0.0",
  title: "W",
  description: "W.",
  licence: "MIT",
  permissions: { state: "S.", emit: "E.", schedule: "T." },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mistakes-"));
  await writeFile(join(folder, "capability.json"), JSON.stringify(FILE));
});
afterAll(() => rm(folder, { recursive: true }));

/** What an author is told of a source in which ¦ stands where the mistake is, with that place cut off; and the line. */
async function told(
  marked: string,
): Promise<{ readonly message: string; readonly rest: string; readonly line: string }> {
  const before = marked.slice(0, marked.indexOf("¦")).split("\n");
  const source = marked.replace("¦", "");
  await writeFile(join(folder, "index.ts"), source);
  const place = `index.ts:${before.length}:${before.pop()!.length + 1}: `;
  try {
    const read = await readAuthorSource(folder);
    await read.compile();
    return { message: "nothing", rest: "", line: "" };
  } catch (thrown) {
    const [first = "", rest = ""] = (thrown as Error).message.split("\n");
    const line = source.split("\n")[before.length]!;
    return { message: first.startsWith(place) ? first.slice(place.length) : `${first} (not at ${place})`, rest, line };
  }
}

const query = (signature: string, body = ""): string =>
  `/** Does. */\n@query export function act${signature} { ${body} }\n`;
const SDK = 'import { Table, call, emit, kv, nowMs, schedule } from "twin";\n';

describe("an author is told, before anything is compiled,", () => {
  it.each([
    ["a parameter without a type", query("(a¦): void"), "a type has to stand here, such as: string."],
    [
      "a result without a type",
      query("(a: string)¦"),
      "Type expected: every parameter, field and result says its type, such as name: string.",
    ],
    [
      "a field without a type",
      "@json class A { ¦a = 1; }",
      "Type expected: every parameter, field and result says its type, such as name: string.",
    ],
    ["number", query("(a: ¦number): void"), "there is no type number: write i64 for whole numbers, f64 for others."],
    ["any", query("(a: ¦any): void"), "there is no type any: every value has a type; make a @json class."],
    [
      "bytes",
      query("(a: ¦Uint8Array): void"),
      "JSON cannot hold Uint8Array; use a string, number, bool, array, Map<string, T> or @json class.",
    ],
    [
      "a union",
      query("(a: string | ¦i32): void"),
      "Not implemented: union types: a value has one type, or is an object or text | null; make a class with a field for each.",
    ],
    [
      "a map by numbers",
      query("(a: ¦Map<i32, string>): void"),
      "a map crosses the border as Map<string, T>: keys are text in JSON.",
    ],
    [
      "a range from above to below",
      `¦@range(5, 1) type A = i32;\n${query("(a: A): void")}`,
      "@range is written @range(MIN, MAX), the smaller number first, or @range(MIN).",
    ],
    [
      "a range that the type does not hold",
      `¦@range(0, 300) type A = u8;\n${query("(a: A): void")}`,
      "@range goes beyond what the type holds: 0 to 255.",
    ],
    ["a number or null", query("(a: ¦i32 | null): void"), "i32 cannot be null; write JSON.Box<i32> | null."],
    [
      "an interface",
      `interface ¦A { a: string; }\n${query("(a: A): void")}`,
      "A is an interface; write @json class A, with initial values.",
    ],
    [
      "a class without fields",
      `@json class ¦A {}\n${query("(a: A): void")}`,
      "A has no fields; what has nothing to say needs no class.",
    ],
    [
      "a missing @json",
      `class ¦A { a: string = ""; }\n${query("(a: A): void")}`,
      "A crosses the border of the capability; write @json in front of its class.",
    ],
    [
      "a missing @json of a row",
      `${SDK}class ¦A { a: string = ""; }\nconst rows = new Table<A>("a", (row) => row.a);`,
      "A is kept as JSON; write @json in front of its class.",
    ],
    [
      "an optional field without a value",
      `@json class A { @optional ¦a!: string; }\n${query("(a: A): void")}`,
      "a may be absent, so it needs an initial value: a: ... = ...",
    ],
    [
      "a duplicate method",
      `${query("(): void")}/** D. */\n@command export function ¦act(): void {}`,
      "act is a method already, in line 2; one name, one method.",
    ],
    [
      "a reserved name",
      "/** D. */\n@query export function ¦twin_alloc(): void {}",
      "twin_alloc is a name of the ABI; choose another.",
    ],
    [
      "a name in another spelling",
      "/** D. */\n@query export function ¦signBook(): void {}",
      "a method needs a name of a-z, 0-9 and _, at most 64 characters, beginning with a letter, such as sign_book.",
    ],
    [
      "async",
      "/** D. */\n@command ¦export async function act(): void {}",
      "'{' expected: there is no async: a call runs to its end at once.",
    ],
    ["a promise", query("(): ¦Promise<string>"), "there is no type Promise: a call runs to its end at once."],
    [
      "an optional parameter",
      query("(a?: ¦string): void"),
      "a? has no value when it is absent; write a default: a: string = ...",
    ],
    [
      "a rest parameter",
      query("(...a: ¦string[]): void"),
      "...a cannot be a field of the payload; take an array: a: string[].",
    ],
    [
      "a method in a class",
      "class A { ¦@query act(): void {} }",
      "@query is for functions: write export function act(...).",
    ],
    [
      "an arrow function",
      "¦@query export const act = (): void => {};",
      "@query is for functions: write export function act(...).",
    ],
    [
      "a default export",
      "¦@query export default function act(): void {}",
      "@query is for functions: write export function act(...).",
    ],
    [
      "a misspelt decorator",
      "¦@querry export function act(): void {}",
      "there is no @querry; a method has @query, @command or @task in front of it.",
    ],
    [
      "the clock",
      query("(): i64", "return ¦Date.now();"),
      "there is no Date.now in a capability: nowMs() is the time of the call.",
    ],
    [
      "chance",
      query("(): f64", "return ¦Math.random();"),
      "there is no Math.random in a capability: randomBytes(size) and randomId() give randomness.",
    ],
    [
      "the console",
      query("(): void", '¦console.log("x");'),
      "there is no console.log in a capability: log.info(text) writes into the log.",
    ],
    [
      "destructuring",
      query("(): void", "¦const { a } = act();"),
      "Identifier expected: there is no destructuring: write a line for each name.",
    ],
    [
      "await",
      query("(): void", "¦await act();"),
      "Expression expected: there is no await: a call runs to its end at once.",
    ],
    [
      "a timer for nobody",
      `${SDK}${query("(): void", '¦schedule(nowMs(), "nope", "x");')}`,
      "there is no command or task nope here to call later.",
    ],
    [
      "a timer for a query",
      `${SDK}${query("(): void", '¦schedule(nowMs(), "act", "x");')}`,
      "act is a query; what is called later is a @command or @task.",
    ],
  ])("of %s", async (_, source, message) => {
    expect(await told(source)).toMatchObject({ message });
  });
});

it("an author is told of every name that the SDK offers and that was not imported", async () => {
  const exported = await readFile(join(TOOLCHAIN.sdk, "twin.ts"), "utf8");
  const names = Array.from(exported.matchAll(/^export \{([^}]*)\}/gmu), ([, list]) => list!.split(",")).flat();
  expect(names.length).toBeGreaterThan(10);
  for (const name of names.map((each) => each.trim())) {
    expect(adviceOn(`Cannot find name '${name}'`, "")).toBe(`import { ${name} } from "twin"`);
  }
});

const LATER = "/** Rings. */\n@command export function ring(text: string, times: i32 = 1): void {}\n";

describe("an author is told by the compiler, at the line as it was written,", () => {
  it.each([
    ["a name that is not there", query("(): string", "return ¦nonsense;"), "Cannot find name 'nonsense'."],
    ["a name of browsers", query("(): void", '¦fetch("x");'), "Cannot find name 'fetch': a @task has http.get(url)."],
    ["a forgotten import", query("(): void", "¦nowMs();"), `Cannot find name 'nowMs': import { nowMs } from "twin".`],
    [
      "a field without a value",
      `@json class A { ¦a: string; }\n${query("(): A", "return new A();")}`,
      `Property 'A#a' has no initializer and is not assigned in the constructor before 'this' is used or returned: give it an initial value, such as text: string = "".`,
    ],
    [
      "another type",
      query("(): string", "return ¦1;"),
      "Type 'i32' is not assignable to type 'string': write .toString() behind it.",
    ],
    [
      "what may be null",
      `@json class A { a: string | null = null; }\n${query("(a: A): string", "return ¦a.a;")}`,
      "Type 'string | null' is not assignable to type 'string': test for null first, or write ! behind what cannot be null.",
    ],
    [
      "catch",
      query("(): void", "¦try { act(); } catch (e) {}"),
      "Not implemented: Exceptions: nothing can be caught: ask before, or end the call by fail(code, message).",
    ],
    [
      "for of",
      query("(): void", "¦for (const x of [1]) {}"),
      "Not implemented: Iterators: write for (let index = 0; index < list.length; index++).",
    ],
    [
      "a closure",
      query("(a: i32): i32[]", "return [1].map<i32>((x) => x + ¦a);"),
      "Not implemented: Closures: functions do not see the variables around them; pass what they need, or write for (let index = 0; index < list.length; index++).",
    ],
    [
      "a package of npm",
      `import { x } from ¦"lodash";\n${query("(): void", "x();")}`,
      `Package 'lodash' not found: packages of npm do not compile to a capability; import files of this folder, or what "twin" offers.`,
    ],
    [
      "an event without @event",
      `${SDK}@json class ¦A { a: i32 = 0; }\n${query("(): void", "emit(new A());")}`,
      `A is emitted; write @event("topic") in front of its class.`,
    ],
    [
      "a timer's payload without a field",
      `${SDK}${LATER}${query("(): void", 'schedule(nowMs(), "ring", ¦{ times: 2 });')}`,
      "Property 'text' is missing in type '<object>' but required in the payload of ring.",
    ],
    [
      "a timer's payload of another type",
      `${SDK}${LATER}${query("(): void", 'schedule(nowMs(), "ring", { text: ¦1 });')}`,
      "Type 'i32' is not assignable to type 'string': write .toString() behind it.",
    ],
  ])("of %s", async (_, source, message) => {
    const { message: first, rest, line } = await told(source);
    expect(first).toBe(message);
    expect(rest).toBe(`  ${line}`);
  });
});
