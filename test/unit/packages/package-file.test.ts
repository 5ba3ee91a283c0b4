import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import type { Manifest } from "../../../host/packages/manifest.ts";
import { inspectPackage } from "../../../host/packages/inspect-package.ts";
import { PACKAGE_SIZE_MAX, readPackage, writePackage } from "../../../host/packages/package-file.ts";
import { customSection, readSections } from "../../../host/packages/wasm-sections.ts";
import { testPublisher } from "../../support/built-capability.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const manifest: Manifest = {
  abi: 1,
  name: "echo",
  version: "1.0.0",
  title: "Echo",
  description: "Says back what it hears.",
  licence: "Apache-2.0",
  methods: { echo: { kind: "query", doc: "Says it back.", params: true, result: true } },
  events: {},
  permissions: [],
  dataVersion: 1,
};
const HEADER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const EMPTY_TYPES = Uint8Array.of(1, 1, 0);
const wasm = concatBytes(HEADER, customSection("producers", utf8Encode("x")), EMPTY_TYPES);
const write = (module: Uint8Array = wasm): Uint8Array<ArrayBuffer> =>
  writePackage({ wasm: module, manifest, publisher: testPublisher, kernels });

function codeOf(bytes: Uint8Array): string {
  try {
    readPackage(bytes, kernels);
    return "read";
  } catch (error) {
    return error instanceof TwinError ? error.code : String(error);
  }
}

describe("a package file", () => {
  it("holds the module, the manifest and the publisher's signature", () => {
    const bytes = write();
    const read = readPackage(bytes, kernels);
    expect(read).toMatchObject({ manifest, publisher: testPublisher.id, hash: kernels.hash(bytes).toHex() });
    expect(read.bytes).toEqual(bytes);
    expect(readSections(bytes).map(({ id, name }) => name ?? id)).toEqual([
      "producers",
      1,
      "twin.manifest",
      "twin.signature",
    ]);
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it("is the same for the same parts, also when written over an older package", () => {
    expect(write()).toEqual(write());
    expect(write(write())).toEqual(write());
  });

  it("is the same whatever the order of the manifest's fields", () => {
    const reordered = Object.fromEntries(Object.entries(manifest).toReversed()) as unknown as Manifest;
    expect(writePackage({ wasm, manifest: reordered, publisher: testPublisher, kernels })).toEqual(write());
  });

  it("does not survive any flipped bit", () => {
    const bytes = write();
    for (let index = 0; index < bytes.length; index++) {
      const flipped = Uint8Array.from(bytes);
      flipped[index]! ^= 1 << (index % 8);
      expect(codeOf(flipped)).toMatch(/^TWIN_PACKAGE_(?:INVALID|SIGNATURE)$/u);
    }
  });

  it("does not survive being cut anywhere", () => {
    const bytes = write();
    for (let size = 0; size < bytes.length; size++) {
      expect(codeOf(bytes.subarray(0, size))).toBe("TWIN_PACKAGE_INVALID");
    }
  });

  it("is refused for garbage with a typed error, and inspected without one", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constant(EMPTY_TYPES),
      fc.constant(write().subarray(8)),
      fc.uint8Array({ maxLength: 60 }).map((content) => customSection("twin.manifest", content)),
      fc.uint8Array({ minLength: 97, maxLength: 97 }).map((content) => customSection("twin.signature", content)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const bytes = concatBytes(HEADER, ...pieces);
        expect(codeOf(bytes)).toMatch(/^(?:read|TWIN_PACKAGE_INVALID|TWIN_PACKAGE_SIGNATURE)$/u);
        expect(inspectPackage(bytes, kernels).sizeBytes).toBe(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when the publisher in it is not who signed", () => {
    const other = deriveIdentity(new Uint8Array(32).fill(9), kernels);
    const bytes = writePackage({ wasm, manifest, publisher: testPublisher, kernels });
    const forged = Uint8Array.from(bytes);
    const others = writePackage({ wasm, manifest, publisher: other, kernels });
    // Version byte, then the public key, 32 bytes, then the signature, 64 bytes.
    forged.set(others.subarray(-96, -64), forged.length - 96);
    expect(codeOf(forged)).toBe("TWIN_PACKAGE_SIGNATURE");
  });

  it("is refused when something follows the signature, or a section is doubled", () => {
    expect(codeOf(concatBytes(write(), EMPTY_TYPES))).toBe("TWIN_PACKAGE_INVALID");
    const [, , manifestSection, signature] = readSections(write());
    const bytes = write();
    const part = ({ start, end }: { start: number; end: number }): Uint8Array => bytes.subarray(start, end);
    expect(codeOf(concatBytes(bytes, part(signature!)))).toBe("TWIN_PACKAGE_INVALID");
    expect(codeOf(concatBytes(HEADER, part(manifestSection!), bytes.subarray(8)))).toBe("TWIN_PACKAGE_INVALID");
  });

  it("is refused when its signature section has a longer encoding of the same content", () => {
    const bytes = write();
    const [, , , signature] = readSections(bytes);
    const { start } = signature!;
    // 112 as a LEB128 of two bytes in place of one.
    const longer = concatBytes(bytes.subarray(0, start), Uint8Array.of(0, 0xf0, 0x00), bytes.subarray(start + 2));
    expect(readSections(longer)[3]).toMatchObject({ name: "twin.signature" });
    expect(codeOf(longer)).toBe("TWIN_PACKAGE_INVALID");
  });

  it.each([
    ["a doubled key", '"abi":1,"abi":1'],
    ["a space", '"abi": 1'],
  ])("is refused when its manifest has %s, though signed", (_, spelling) => {
    const [, , section] = readSections(write());
    const text = new TextDecoder().decode(section!.content).replace('"abi":1', spelling);
    const signed = concatBytes(HEADER, customSection("twin.manifest", utf8Encode(text)));
    const signature = testPublisher.sign("package/1", kernels.hash(signed));
    const key = write().subarray(-96, -64);
    const bytes = concatBytes(signed, customSection("twin.signature", concatBytes(Uint8Array.of(1), key, signature)));
    expect(() => readPackage(bytes, kernels)).toThrow(/canonical/u);
  });

  it("is refused above the size limit before it is hashed", () => {
    const huge = concatBytes(write(), new Uint8Array(PACKAGE_SIZE_MAX));
    expect(codeOf(huge)).toBe("TWIN_PACKAGE_INVALID");
    // Room for reviews is no room for code.
    const padding = new Uint8Array(LIMITS.sandbox.moduleSizeBytes - write().length);
    expect(() => write(concatBytes(wasm, customSection("padding", padding)))).toThrow(/at most 4194304 are allowed/u);
    expect(inspectPackage(huge, kernels)).toMatchObject({ hash: undefined, sections: [] });
  });

  it("is refused with a flood of sections", () => {
    const flood = Array.from({ length: 200 }, () => customSection("x", new Uint8Array(0)));
    expect(codeOf(concatBytes(HEADER, ...flood))).toBe("TWIN_PACKAGE_INVALID");
  });
});

describe("inspectPackage", () => {
  it("tells everything of a whole package", () => {
    const report = inspectPackage(write(), kernels);
    expect(report).toMatchObject({ publisher: testPublisher.id, manifest, imports: [], exports: [], problems: [] });
    expect(report.sections.map(({ name }) => name)).toEqual(["producers", "type", "twin.manifest", "twin.signature"]);
  });

  it("names no publisher when the signature does not hold, but shows the manifest", () => {
    const bytes = write();
    bytes[bytes.length - 1]! ^= 1;
    const report = inspectPackage(bytes, kernels);
    expect(report.publisher).toBeUndefined();
    expect(report.manifest).toEqual(manifest);
    expect(report.problems).toEqual([expect.stringMatching(/signature does not hold/u)]);
  });

  it("lists imports and exports of a plain module that is no package", () => {
    // (module (import "twin" "take" (func (param i32))) (func (export "echo")) (memory (export "memory") 1))
    const module = Uint8Array.fromHex(
      "0061736d0100000001080260017f00600000" +
        "020d01047477696e0474616b650000" +
        "03020101" +
        "0503010001" +
        "07110204656368" +
        "6f0001066d656d6f72790200" +
        "0a040102000b",
    );
    expect(WebAssembly.validate(module)).toBe(true);
    const report = inspectPackage(module, kernels);
    expect(report).toMatchObject({ imports: ["twin.take"], exports: ["echo"], manifest: undefined });
    expect(report.problems).toEqual([expect.stringMatching(/no section twin.manifest/u)]);
  });
});
