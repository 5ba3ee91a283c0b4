import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { checkJson, rewriteJson } from "../../../host/engine/checked-json.ts";
import { compileSchema } from "../../../host/packages/schema.ts";

const any = compileSchema(true);

/** What a guest gets to read; undefined for what is refused. */
function rewrite(bytes: Uint8Array): Uint8Array | undefined {
  const checked = checkJson(bytes, any);
  return checked.violation === undefined ? rewriteJson(bytes, checked) : undefined;
}

describe("checked JSON", () => {
  test("has one spelling: what was checked is what is read", () => {
    const doubled = utf8Encode(' {"a": "secret", "b": 1.0e1, "a": 2} ');
    expect(rewrite(doubled)).toEqual(utf8Encode('{"a":2,"b":10}'));
    expect(rewrite(utf8Encode('{"__proto__": {"x": 1}}'))).toEqual(utf8Encode('{"__proto__":{"x":1}}'));
    expect(rewrite(concatBytes(Uint8Array.of(0xef, 0xbb, 0xbf), utf8Encode("[1]")))).toEqual(utf8Encode("[1]"));
  });

  test("is not written again when it has that spelling already", () => {
    const bytes = utf8Encode('{"a":"€","b":[1,null]}');
    expect(rewrite(bytes)).toBe(bytes);
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
        const ours = rewrite(bytes);
        if (ours === undefined) return;
        expect(utf8Decode(ours)).toBe(JSON.stringify(JSON.parse(utf8Decode(bytes))));
        expect(rewrite(ours)).toBe(ours);
      }),
    );
  });
});
