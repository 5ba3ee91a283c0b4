import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../../../host/packages/manifest.ts";
import { compileSchema } from "../../../host/packages/schema.ts";
import { isSubschema } from "../../../host/packages/subschema.ts";

const object = (
  properties: Record<string, JsonSchema>,
  required: string[] = [],
  more: JsonSchema = false,
): JsonSchema => ({
  type: "object",
  properties,
  required,
  additionalProperties: more,
});
const text = { type: "string" };

describe("isSubschema", () => {
  it.each<[string, JsonSchema, JsonSchema, boolean]>([
    ["itself, whatever it is called", { ...text, description: "a" }, { ...text, title: "b" }, true],
    ["whole numbers in numbers", { type: "integer" }, { type: "number" }, true],
    ["numbers in whole numbers", { type: "number" }, { type: "integer" }, false],
    ["tighter bounds", { type: "integer", minimum: 1, maximum: 3 }, { type: "integer", minimum: 0, maximum: 3 }, true],
    ["looser bounds", { type: "integer", maximum: 4 }, { type: "integer", maximum: 3 }, false],
    ["a bound that is gone", text, { ...text, maxLength: 3 }, false],
    ["another pattern", { ...text, pattern: "^a$", maxLength: 1 }, { ...text, pattern: "^b$", maxLength: 1 }, false],
    ["a value of a list", { const: "a" }, { enum: ["a", "b"] }, true],
    ["a longer list", { enum: ["a", "c"] }, { enum: ["a", "b"] }, false],
    ["listed texts in any text", { enum: ["a", "c"] }, text, true],
    ["one of several types", text, { type: ["string", "null"] }, true],
    ["one more type", { type: ["string", "null"] }, text, false],
    ["an alternative", text, { anyOf: [{ type: "null" }, text] }, true],
    ["an optional field more in what comes in", object({ a: text }), object({ a: text, b: text }), true],
    [
      "a required field more in what comes in",
      object({ a: text }, ["a"]),
      object({ a: text, b: text }, ["a", "b"]),
      false,
    ],
    ["a field more where none is allowed", object({ a: text, b: text }), object({ a: text }), false],
    ["a field that may now be absent", object({ a: text }), object({ a: text }, ["a"]), false],
    ["items", { type: "array", items: { type: "integer" } }, { type: "array", items: { type: "number" } }, true],
    ["items of another type", { type: "array", items: text }, { type: "array", items: { type: "number" } }, false],
    ["a field named as a keyword", object({ description: text }), object({ description: { type: "number" } }), false],
    ["anything", true, {}, true],
    ["anything in something", true, text, false],
  ])("judges %s", (_, narrow, wide, expected) => {
    expect(isSubschema(narrow, wide)).toBe(expected);
  });

  it("never says yes of a value that only the first accepts", () => {
    const leaf = fc.constantFrom<JsonSchema>(
      true,
      text,
      { type: "integer" },
      { type: "integer", minimum: 1 },
      { type: "number", maximum: 2 },
      { type: ["string", "null"] },
      { enum: ["a", 1] },
      { const: null },
      { type: "string", minLength: 1, maxLength: 1 },
    );
    const schema = fc.letrec<{ node: JsonSchema }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 2 },
        leaf,
        fc.record({ type: fc.constant("array"), items: tie("node"), maxItems: fc.constantFrom(1, 2) }),
        fc.record({ anyOf: fc.array(tie("node"), { minLength: 1, maxLength: 2 }) }),
        fc
          .tuple(fc.dictionary(fc.constantFrom("a", "b"), tie("node")), fc.subarray(["a", "b"]), leaf)
          .map(([properties, required, more]) => object(properties, required, more)),
      ),
    })).node;
    const scalar = fc.constantFrom<unknown>(null, "", "a", "ab", 0, 1, 1.5, 3, true);
    const value = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "b", "c"), scalar),
    );
    let agreed = 0;
    fc.assert(
      fc.property(schema, schema, fc.array(value, { minLength: 5, maxLength: 20 }), (narrow, wide, values) => {
        if (!isSubschema(narrow, wide)) return;
        agreed++;
        const [inside, around] = [compileSchema(narrow), compileSchema(wide)];
        for (const one of values) if (inside(one) === undefined) expect(around(one)).toBeUndefined();
      }),
      { numRuns: 1_500 },
    );
    expect(agreed).toBeGreaterThan(100);
  });
});
