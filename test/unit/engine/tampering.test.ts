import { existsSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readPackage, reviewPackage, signPackage } from "../../../host/packages/package-file.ts";
import { readSections } from "../../../host/packages/wasm-sections.ts";
import { changedProbe } from "../../support/changed-probe.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

const whole = reviewPackage(probePackage({ version: "1.1.0" }), { reviewer: testIdentity(61), kernels });
const stranger = testIdentity(51);

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const codeOf = (bytes: Uint8Array): Promise<string> =>
  bench.do("install", bytes).then(
    () => "installed",
    (thrown: unknown) => (thrown as { code: string }).code,
  );

/** The package with the publisher's key of another, under the first one's signature. */
function withOtherKey(bytes: Uint8Array): Uint8Array {
  const signatureIn = (file: Uint8Array) => readSections(file).find(({ name }) => name === "twin.signature")!.content;
  const { byteOffset } = signatureIn(bytes);
  const other = signatureIn(signPackage(bytes, { publisher: stranger, kernels }));
  const forged = bytes.slice();
  forged.set(other.subarray(1, 33), byteOffset - bytes.byteOffset + 1);
  return forged;
}

describe("a package that was tampered with", () => {
  test("anywhere, in any bits of a byte, is refused, and nothing is left of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (index, bits) => {
        expect(await codeOf(whole.with(index, whole[index]! ^ bits))).toMatch(/^TWIN_PACKAGE_(?:INVALID|SIGNATURE)$/u);
      }),
      { numRuns: 60 },
    );
    expect(await bench.do("capabilities", undefined)).toEqual([]);
    expect(existsSync(join(bench.folder, "packages"))).toBe(false);
    expect(await codeOf(whole)).toBe("installed");
  });

  test.each<[what: string, bytes: () => Uint8Array, code: string]>([
    ["cut", () => whole.subarray(0, -1), "TWIN_PACKAGE_INVALID"],
    ["with something behind it", () => Uint8Array.of(...whole, 0), "TWIN_PACKAGE_INVALID"],
    ["under another key", () => withOtherKey(whole), "TWIN_PACKAGE_SIGNATURE"],
    [
      "signed anew by another",
      () => signPackage(probePackage({ version: "2.0.0" }), { publisher: stranger, kernels }),
      "TWIN_PACKAGE_CONFLICT",
    ],
    [
      "in a version that is here with other bytes",
      () => changedProbe({ version: "1.1.0" }, () => ({ title: "Another" })),
      "TWIN_PACKAGE_CONFLICT",
    ],
    [
      "in a version that was here with other bytes",
      () => changedProbe({ version: "1.0.0" }, () => ({ title: "Another" })),
      "TWIN_PACKAGE_CONFLICT",
    ],
    ["in an older version", () => probePackage({ version: "1.0.0" }), "TWIN_PACKAGE_CONFLICT"],
    [
      "that imports more than its manifest asks for",
      () => probePackage({ version: "2.0.0", without: "send" }),
      "TWIN_PACKAGE_INVALID",
    ],
    [
      "that offers a method which it has not",
      () => changedProbe({ version: "2.0.0" }, ({ methods }) => ({ methods: { ...methods, ghost: methods["echo"]! } })),
      "TWIN_PACKAGE_INVALID",
    ],
    ["that asks for more rights unseen", () => probePackage({ version: "2.0.0", calls: "x" }), "TWIN_PACKAGE_CONSENT"],
  ])("%s is refused, and the version that is here goes on", async (_, bytes, code) => {
    await bench.do("install", probePackage({ version: "1.0.0" }));
    await bench.do("install", whole);
    await bench.call("put", "kept");
    expect(await codeOf(bytes())).toBe(code);
    expect(await bench.call("get", "")).toBe("kept");
    const { hash } = readPackage(whole, kernels);
    expect(await bench.do("capabilities", undefined)).toMatchObject([{ version: "1.1.0", hash }]);
  });
});
