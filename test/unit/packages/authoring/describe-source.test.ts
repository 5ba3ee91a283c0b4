import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TOOLCHAIN } from "../../../../host/packages/authoring/compile-assembly-script.ts";
import { describeSource, type SourceDescription } from "../../../../host/packages/authoring/describe-source.ts";
import { readSource } from "../../../../host/packages/authoring/read-source.ts";
import type { Method } from "../../../../host/packages/manifest.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "source-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function describeText(text: string, others: Record<string, string> = {}): Promise<SourceDescription> {
  for (const [name, content] of Object.entries({ "index.ts": text, ...others })) {
    await writeFile(join(folder, name), content);
  }
  const { index, files } = await readSource({ folder, sdk: TOOLCHAIN.sdk });
  return describeSource(index, files);
}

/** The method of a source with only one. */
async function methodOf(text: string, others: Record<string, string> = {}): Promise<Method> {
  return (await describeText(text, others)).methods[0]!.description;
}

async function paramOf(type: string, before = ""): Promise<unknown> {
  const { params } = await methodOf(`${before}\n/** Does. */\n@query export function act(value: ${type}): void {}`);
  return (params as { properties: Record<string, unknown> }).properties["value"];
}

describe("describeSource", () => {
  it.each([
    ["string", "", { type: "string" }],
    ["bool", "", { type: "boolean" }],
    ["f64", "", { type: "number" }],
    ["u8", "", { type: "integer", minimum: 0, maximum: 255 }],
    ["i64", "", { type: "integer", minimum: -(2 ** 53) + 1, maximum: 2 ** 53 - 1 }],
    ["string | null", "", { type: ["string", "null"] }],
    ["string[]", "", { type: "array", items: { type: "string" } }],
    ["Array<bool> | null", "", { anyOf: [{ type: "array", items: { type: "boolean" } }, { type: "null" }] }],
    ["Map<string, f64>", "", { type: "object", additionalProperties: { type: "number" } }],
    ["T", "@length(1, 9) type T = string;", { type: "string", minLength: 1, maxLength: 9 }],
    ["T", '@pattern("^[a-z]+$", 8) type T = string;', { type: "string", pattern: "^[a-z]+$", maxLength: 8 }],
    ["T", '@oneOf("a", "b") type T = string;', { enum: ["a", "b"] }],
    [
      "T",
      '@also("") @length(3, 3) type T = string;',
      { anyOf: [{ const: "" }, { type: "string", minLength: 3, maxLength: 3 }] },
    ],
    ["T", "@range(-1, 1_000) type T = i32;", { type: "integer", minimum: -1, maximum: 1000 }],
    [
      "T",
      "@items(1, 2) type T = U[]; @length(0, 4) type U = string;",
      { type: "array", items: { type: "string", maxLength: 4 }, minItems: 1, maxItems: 2 },
    ],
  ])("gives %s %s its schema", async (type, before, schema) => {
    expect(await paramOf(type, before)).toEqual(schema);
  });

  it("makes a parameter with a default value optional, and a single object the whole payload", async () => {
    const method = await methodOf(`/** Does. */ @command @exposeTo("contacts", "family")
      export function act(a: string, b: i32 = -3): void {}`);
    expect(method).toMatchObject({ kind: "command", doc: "Does.", exposeTo: ["contacts", "family"] });
    expect(method.params).toMatchObject({ required: ["a"], additionalProperties: false });
    expect(method.result).toEqual({ type: "object", properties: {}, additionalProperties: false });
    const whole =
      await methodOf(`@json class Asked { a: bool = false; @optional b: bool = true; @omit c: i32 = 0; static d: i32 = 0; }
      /** Does. */ @query export function act(asked: Asked): Asked { return asked; }`);
    expect(whole.params).toEqual({
      type: "object",
      properties: { a: { type: "boolean" }, b: { type: "boolean" } },
      required: ["a"],
      additionalProperties: false,
    });
  });

  it("follows imports, bases and names of JSON, and carries what comments say", async () => {
    const method = await methodOf(
      `import { Reply } from "./reply";
      /**
       * Does one thing,
       * and well.
       */
      @query export function act(): Reply { return new Reply(); }`,
      {
        "reply.ts": `import { TwinId } from "twin";
        @json class Base { /** Whose. */ twin: TwinId = ""; }
        @json export class Reply extends Base { @alias("at") atMs: i64 = 0; }`,
      },
    );
    expect(method.doc).toBe("Does one thing, and well.");
    expect(method.result).toEqual({
      type: "object",
      properties: {
        twin: expect.objectContaining({ description: "Whose.", maxLength: 64 }),
        at: { type: "integer" },
      },
      required: ["twin", "at"],
      additionalProperties: false,
    });
  });

  it("finds the events, also those of other files", async () => {
    const { events } = await describeText(
      `import { Done } from "./done"; /** Does. */ @command export function act(): void {}`,
      {
        "done.ts": `@event("thing.done") export class Done { times: u32 = 0; }`,
      },
    );
    expect(Object.keys(events)).toEqual(["thing.done"]);
  });

  const method = (signature: string): string => `/** Does. */\n@query export function act(${signature}\n`;
  it.each([
    ["no method", "export class A {}", /^index\.ts:1:1: there is no method/u],
    [
      "an undecorated export",
      "\n export function act(): void {}",
      /^index\.ts:2:18: act is exported but is no method/u,
    ],
    ["a method without comment", "@query export function act(): void {}", /^index\.ts:1:24: say in a comment/u],
    ["a method that is not exported", "/** A. */ @query function act(): void {}", /write export in front/u],
    ["two kinds", "/** A. */ @query @command export function act(): void {}", /one of @query, @command and @task/u],
    [
      "a class without @json",
      `class A {}\n${method("): A { return new A(); }")}`,
      /^index\.ts:1:7: A crosses .* write @json/u,
    ],
    ["an unknown type", method("a: Nope): void {}"), /^index\.ts:2:31: there is no type Nope/u],
    ["bytes", method("a: Uint8Array): void {}"), /JSON cannot hold Uint8Array/u],
    ["a function", method("a: () => void): void {}"), /JSON cannot hold a function/u],
    [
      "a generic class",
      `@json class A<T> { a: i32 = 0; }\n${method("): A<i32> { return new A(); }")}`,
      /type parameters/u,
    ],
    [
      "a class in itself",
      `@json class A { a: A | null = null; }\n${method("): A { return new A(); }")}`,
      /holds itself/u,
    ],
    [
      "a malformed constraint",
      `@length("x") type T = string;\n${method("a: T): void {}")}`,
      /^index\.ts:1:1: @length is written/u,
    ],
    [
      "a constraint of another type",
      `@length(1, 2) type T = i32;\n${method("a: T): void {}")}`,
      /@length is for string/u,
    ],
    [
      "a slow pattern",
      `@pattern("^(a+)+$", 9) type T = string;\n${method("a: T): void {}")}`,
      /^index\.ts:1:1: its schema/u,
    ],
    ["an event without a topic", `@event class A {}\n${method("): void {}")}`, /@event is written/u],
    [
      "two events of one topic",
      `@event("a") class A {} @event("a") class B {}\n${method("): void {}")}`,
      /topic of another class/u,
    ],
    [
      "circles that are no names",
      `/** A. */ @exposeTo(3) @query export function act(): void {}`,
      /@exposeTo is written/u,
    ],
    ["what does not parse", "export function (", /^index\.ts:1:\d+: /u],
  ])("points at the line of %s", async (_, text, message) => {
    await expect(describeText(text)).rejects.toThrow(message);
  });

  it("keeps methods in index.ts", async () => {
    const text = `import { x } from "./more"; /** Does. */ @query export function act(): void {}`;
    await expect(describeText(text, { "more.ts": "/** Too. */ @query export function x(): void {}" })).rejects.toThrow(
      /^more\.ts:1:36: methods stand in index\.ts/u,
    );
  });
});
