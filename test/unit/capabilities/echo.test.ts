import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { CapabilityPackage } from "../../../host/packages/manifest.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { CapabilityFailure, openCapabilityTwin, testTwinId } from "../../support/capability-twin.ts";

let echo: CapabilityPackage;
beforeAll(async () => {
  echo = await builtCapability("echo");
});

describe("echo", () => {
  it("says back the text with the time of the call", () => {
    const twin = openCapabilityTwin(echo, testTwinId(0));
    expect(twin.call("echo", { text: 'héllo \u{1f600} "quoted"\n' })).toEqual({
      text: 'héllo \u{1f600} "quoted"\n',
      atMs: twin.nowMs,
    });
  });

  it("says back any text unchanged", () => {
    const twin = openCapabilityTwin(echo, testTwinId(0));
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(twin.call("echo", { text })["text"]).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it("answers valid UTF-8 also to half a surrogate pair", () => {
    const twin = openCapabilityTwin(echo, testTwinId(0));
    expect(() => twin.call("echo", { text: "a\ud800b" })).not.toThrow();
  });

  it("counts over calls, and again from the old sum when a call fails", () => {
    const twin = openCapabilityTwin(echo, testTwinId(0));
    expect(twin.call("count", {})).toEqual({ count: 1 });
    expect(twin.call("count", { by: 5 })).toEqual({ count: 6 });
    expect(() => twin.call("count", { by: 1.5 })).toThrow(CapabilityFailure);
    expect(twin.call("count", { by: -10 })).toEqual({ count: -4 });
  });

  it("keeps its memory flat over 10,000 calls", () => {
    const twin = openCapabilityTwin(echo, testTwinId(0));
    const text = "x".repeat(2_000);
    for (let index = 0; index < 500; index++) twin.call("echo", { text });
    const settled = twin.memorySizeBytes;
    for (let index = 0; index < 9_500; index++) twin.call("echo", { text });
    expect(twin.memorySizeBytes).toBe(settled);
    expect(settled).toBeLessThan(2 * 1024 * 1024);
  });
});
