import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../../../host/packages/manifest.ts";
import { sampleOf } from "../../../host/packages/sample.ts";
import { compileSchema } from "../../../host/packages/schema.ts";

describe("a sample", () => {
  it.each<[schema: JsonSchema, sample: unknown]>([
    [true, null],
    [false, undefined],
    [{ type: "string" }, ""],
    [{ type: "string", minLength: 3 }, "aaa"],
    [{ type: "string", pattern: "^x$", maxLength: 1 }, undefined],
    [{ type: "string", minLength: 1_000_000 }, undefined],
    [{ type: ["null", "string"] }, null],
    [{ type: "integer", minimum: 5 }, 5],
    [{ type: "integer", exclusiveMinimum: 5 }, 6],
    [{ type: "integer", maximum: -2 }, -2],
    [{ type: "number" }, 0],
    [{ type: "array", items: { type: "boolean" }, minItems: 2 }, [false, false]],
    [{ type: "array" }, []],
    [{ enum: ["b", "a"] }, "b"],
    [{ const: 7 }, 7],
    [{ anyOf: [{ type: "string", pattern: "^x$", maxLength: 1 }, { type: "integer" }] }, 0],
    [
      {
        type: "object",
        properties: { a: { type: "integer", minimum: 1 }, b: { type: "string" } },
        required: ["a"],
        additionalProperties: false,
      },
      { a: 1 },
    ],
    [{ type: "object", properties: { a: { type: "string", pattern: "^x$" } }, required: ["a"] }, undefined],
  ])("of %j is %j", (schema, sample) => {
    expect(sampleOf(schema)).toEqual(sample);
    if (sample !== undefined) expect(compileSchema(schema)(sample)).toBeUndefined();
  });

  it("fits any schema of plain parts that it is found for", () => {
    const bound = fc.integer({ min: -5, max: 5 });
    const leaf = fc.oneof(
      fc.record({ type: fc.constant("integer"), minimum: bound }),
      fc.record({ type: fc.constant("integer"), maximum: bound }),
      fc.record({ type: fc.constant("string"), minLength: fc.nat(5) }),
      fc.record({ type: fc.constantFrom("boolean", "null") }),
    );
    const list = fc.record({ type: fc.constant("array"), items: leaf, minItems: fc.nat(3) });
    const record = fc
      .dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(leaf, list))
      .map((properties) => ({ type: "object", properties, required: Object.keys(properties) }));
    fc.assert(
      fc.property(fc.oneof(leaf, list, record), (schema) => {
        expect(compileSchema(schema)(sampleOf(schema))).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });
});
