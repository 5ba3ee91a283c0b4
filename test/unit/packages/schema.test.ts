import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import type { JsonSchema } from "../../../host/packages/manifest.ts";
import { compileSchema } from "../../../host/packages/schema.ts";
import { schemaViolation } from "../../../host/packages/schema-violation.ts";

const person: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 5 },
    age: { type: "integer", minimum: 0, maximum: 150 },
    tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 2 },
    partner: { anyOf: [{ type: "null" }, { type: "object" }] },
  },
  required: ["name"],
  additionalProperties: false,
};

describe("compileSchema", () => {
  it.each([
    [{ name: "Ada" }, undefined],
    [{ name: "Ada", age: 36, tags: ["a", "b"], partner: null }, undefined],
    [null, "$: expected object, got null"],
    [{}, '$: "name" is missing'],
    [{ name: 1 }, "$.name: expected string, got number"],
    [{ name: "Adelaide" }, "$.name: expected at most 5 characters, got 8"],
    [{ name: "Ada", age: 1.5 }, "$.age: expected integer, got number"],
    [{ name: "Ada", age: -1 }, "$.age: expected at least 0"],
    [{ name: "Ada", tags: ["a", "c"] }, '$.tags[1]: expected one of "a", "b"'],
    [{ name: "Ada", tags: ["a", "a", "a"] }, "$.tags: expected at most 2 items, got 3"],
    [{ name: "Ada", evil: 1 }, '$: unexpected property "evil"'],
    [{ name: "Ada", partner: 1 }, "$.partner: fits none of the 2 allowed forms"],
  ])("says of %j: %j", (value, violation) => {
    expect(compileSchema(person)(value)).toBe(violation);
  });

  it("counts characters, not UTF-16 units", () => {
    const check = compileSchema({ type: "string", maxLength: 2 });
    expect(check("\u{1f600}\u{1f600}")).toBeUndefined();
    expect(check("\u{1f600}\u{1f600}x")).toBeDefined();
  });

  it("does not take inherited names for properties that are there", () => {
    const check = compileSchema({ type: "object", properties: { a: true }, additionalProperties: { type: "number" } });
    expect(check(JSON.parse('{"__proto__": "x"}'))).toBeDefined();
    expect(check(JSON.parse('{"toString": 1}'))).toBeUndefined();
  });

  it.each([
    ["a reference", { $ref: "#/x" }],
    ["a remote reference", { $ref: "https://evil.example/x" }],
    ["a dynamic reference", { $dynamicRef: "#x" }],
    ["an identifier", { $id: "x" }],
    ["an unknown keyword", { type: "string", maxLenght: 5 }],
    ["a format", { type: "string", format: "email" }],
    ["an unknown type", { type: "bigint" }],
    ["a type of the validator's own", { "~refine": [] }],
    ["a negated schema", { not: {} }],
    ["an inherited name", { required: ["toString"] }],
    ["a prototype name", { properties: JSON.parse('{"__proto__": {}}') as unknown }],
    ["code in a property name", { properties: { '"]);evil(': {} } }],
    ["code in a count", { maxLength: "1); evil(" }],
    ["code in a bound", { minimum: "0); evil(" }],
    ["a count that overflows", { maxLength: 2 ** 31 }],
    ["no number", { minimum: Number.NaN }],
    ["an object in an enum", { enum: [{}] }],
    ["a doubled required name", { required: ["a", "a"] }],
    ["a doubled enum", { enum: ["a", "a"] }],
    ["a list", []],
    ["text", "string"],
  ])("refuses %s", (_, schema) => {
    expect(() => compileSchema(schema as unknown as JsonSchema)).toThrow(TwinError);
  });

  it.each(["^(a+)+$", "^(?=a)$", "a", "^a|b$", "^a*b*c*$", "^\\1$", "^[a-$", "^(?:x)$", "^a{2,1}$", "^a**$"])(
    "refuses the pattern %s, which may be slow or is broken",
    (pattern) => {
      expect(() => compileSchema({ type: "string", pattern, maxLength: 10 })).toThrow(TwinError);
    },
  );

  it("refuses a pattern without a maximum length", () => {
    expect(() => compileSchema({ type: "string", pattern: "^a$" })).toThrow(/maxLength/u);
  });

  it.each([
    ["^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{4}$", "did:key:z6Mk1234", "did:key:z6Mk0234"],
    ["^[a-z][a-z0-9-]{0,31}$", "a-b", "A"],
    ["^\\d+/\\w*$", "1/a", "/a"],
    ["^[^\\]x]$", "y", "]"],
  ])("takes the pattern %s", (pattern, good, bad) => {
    const check = compileSchema({ type: "string", pattern, maxLength: 64 });
    expect(check(good)).toBeUndefined();
    expect(check(bad)).toContain("expected text that matches");
  });

  it("refuses schemas that nest or grow beyond the limits", () => {
    let deep: JsonSchema = true;
    for (let depth = 0; depth < 20; depth++) deep = { items: deep };
    expect(() => compileSchema(deep)).toThrow(/deeper/u);
    const wide = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`p${index}`, true]));
    expect(() => compileSchema({ properties: wide })).toThrow(/parts/u);
  });

  it("gives the same verdict by its code and by its words, for any schema and value", () => {
    const names = ["a", "b", "c-d"];
    const count = fc.nat(3);
    const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 3, depthIdentifier: "schema" },
        fc.boolean(),
        fc.record(
          {
            type: fc.constantFrom("object", "array", "string", "integer", "number", "boolean", "null", [
              "string",
              "null",
            ]),
            minLength: count,
            maxLength: count,
            minimum: fc.integer({ min: -2, max: 2 }),
            exclusiveMaximum: fc.integer({ min: -2, max: 2 }),
            minItems: count,
            maxItems: count,
            minProperties: count,
            maxProperties: count,
            required: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
            enum: fc.uniqueArray(fc.constantFrom<string | number | null>("x", 1, null), { minLength: 1 }),
            const: fc.constantFrom("x", 0, true, null),
          },
          { requiredKeys: [] },
        ),
        fc.record(
          {
            type: fc.constant("object"),
            properties: fc.dictionary(fc.constantFrom(...names), tie("schema"), { maxKeys: 3, noNullPrototype: true }),
            required: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
            additionalProperties: tie("schema"),
          },
          { requiredKeys: ["properties"] },
        ),
        fc.record({ items: tie("schema") }),
        fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
      ),
    }));
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3, depthIdentifier: "value" },
        fc.constantFrom<unknown>("x", "", "\u{1f600}a", 0, 1, 1.5, -3, true, null),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names, "other", "toString"), tie("value"), {
          maxKeys: 3,
          noNullPrototype: true,
        }),
      ),
    }));
    fc.assert(
      fc.property(schema, fc.array(value, { maxLength: 6 }), (schema, values) => {
        const check = compileSchema(schema);
        for (const value of values) {
          const violation = schemaViolation(schema, value);
          expect(check(value)).toBe(violation);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});
