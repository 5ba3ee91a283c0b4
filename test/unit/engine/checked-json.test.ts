import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { checkJson } from "../../../host/engine/checked-json.ts";
import { compileSchema } from "../../../host/packages/schema.ts";

const any = compileSchema(true);

describe("checked JSON", () => {
  test("has one spelling: what was checked is what is read", () => {
    const doubled = utf8Encode(' {"a": "secret", "b": 1.0e1, "a": 2} ');
    expect(checkJson(doubled, any)).toEqual({ text: '{"a":2,"b":10}' });
    expect(checkJson(utf8Encode('{"__proto__": {"x": 1}}'), any)).toEqual({ text: '{"__proto__":{"x":1}}' });
  });

  test("says where it does not fit", () => {
    const check = compileSchema({ type: "object", properties: { a: { type: "string" } } });
    expect(checkJson(utf8Encode('{"a": 1}'), check)).toEqual({ violation: "$.a: expected string, got number" });
  });

  test("is refused when it is nested too deeply, however many brackets its strings have", () => {
    const nested = (depth: number): Uint8Array => utf8Encode('{"a":['.repeat(depth / 2) + "]}".repeat(depth / 2));
    const most = LIMITS.engine.payloadDepth;
    expect(checkJson(nested(most), any).violation).toBeUndefined();
    expect(checkJson(nested(most + 2), any).violation).toMatch(/nested deeper/);
    expect(checkJson(nested(500_000), any).violation).toMatch(/nested deeper/);
    expect(
      checkJson(utf8Encode(JSON.stringify({ text: '\\"[[{'.repeat(100), "{\\": "[" })), any).violation,
    ).toBeUndefined();
  });

  test("is either refused or can be read again, whatever the bytes", () => {
    const text = fc.oneof(fc.json().map(utf8Encode), fc.uint8Array(), fc.string().map(utf8Encode));
    fc.assert(
      fc.property(text, (bytes) => {
        const { text, violation } = checkJson(bytes, any);
        expect((text === undefined) !== (violation === undefined)).toBe(true);
        expect(checkJson(utf8Encode(text ?? "null"), any)).toEqual({ text: text ?? "null" });
      }),
    );
  });
});
