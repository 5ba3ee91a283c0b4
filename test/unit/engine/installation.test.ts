import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonEncode } from "../../../host/base/bytes.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const file = (): string => join(bench.folder, "packages", readdirSync(join(bench.folder, "packages"))[0]!);
const conflict = expect.objectContaining({ code: "TWIN_PACKAGE_CONFLICT" });

describe("an install", () => {
  test("makes the capability callable, now and after a restart", async () => {
    const bytes = probePackage();
    const installed = await bench.do("install", bytes);
    const { hash, manifest } = readPackage(bytes, referenceKernels);
    expect(installed).toMatchObject({ name: "probe", version: "1.0.0", hash, sizeBytes: bytes.length });
    expect(installed.methods).toEqual(manifest.methods);
    await bench.reopen();
    expect(await bench.do("capabilities", undefined)).toEqual([{ ...installed, keptVersions: [] }]);
    expect(await bench.call("echo", "x")).toBe("x");
  });

  test("of the same package changes nothing", async () => {
    const installed = await bench.do("install", probePackage());
    bench.clock.advance(1_000);
    expect(await bench.do("install", probePackage())).toEqual(installed);
    expect(await bench.do("grants", undefined)).toHaveLength(1);
  });

  test("grants the circles that the manifest exposes methods to, and nobody else", async () => {
    await bench.do("install", probePackage());
    expect(await bench.do("grants", undefined)).toMatchObject([
      { holder: "circle:contacts", capability: "probe", methods: ["receive", "receive_trap"] },
    ]);
  });

  test("of a higher version replaces the code and keeps the data and the owner's word on grants", async () => {
    await bench.do("install", probePackage());
    await bench.call("put", "kept");
    const [grant] = await bench.do("grants", undefined);
    await bench.do("revoke", grant!.id);
    const more = { extra: "(i64.const 0)" };
    await bench.do("install", probePackage({ version: "1.1.0", more }));
    expect(await bench.call("get", "")).toBe("kept");
    expect(await bench.receiptOf("echo", "x")).toMatchObject({ version: "1.1.0" });
    expect(await bench.do("grants", undefined)).toEqual([]);
  });

  test.each([
    ["another content of the same version", { more: { extra: "(i64.const 0)" } }],
    ["a lower version", { version: "0.9.0" }],
    ["a pre-release of the same version", { version: "1.0.0-rc.1" }],
    ["another publisher", { version: "2.0.0", publisher: testIdentity(51) }],
  ])("of %s is a conflict", async (_what, options) => {
    await bench.do("install", probePackage());
    await expect(bench.do("install", probePackage(options))).rejects.toEqual(conflict);
    expect(await bench.receiptOf("echo", "x")).toMatchObject({ version: "1.0.0" });
  });

  test.each([
    ["no package", () => new Uint8Array(100), "TWIN_PACKAGE_INVALID"],
    ["a changed package", () => probePackage().with(400, 0x7f), /TWIN_PACKAGE_(SIGNATURE|INVALID)/],
    [
      "a module that needs more than its manifest asks for",
      () => probePackage({ without: "send" }),
      "TWIN_PACKAGE_INVALID",
    ],
    ["a module that calls without asking", () => probePackage({ calls: "x", without: "call" }), "TWIN_PACKAGE_INVALID"],
    ["a start that loops", () => probePackage({ init: "(loop $l (br $l))" }), "TWIN_GUEST_FUEL"],
    ["a start that traps", () => probePackage({ init: "unreachable" }), "TWIN_GUEST_TRAP"],
    [
      "a start that uses a permission",
      () => probePackage({ init: "(drop (call $kv_get (i32.const 0) (i32.const 1)))" }),
      "TWIN_GUEST_DENIED",
    ],
    ["too much memory", () => probePackage({ limits: { memorySizeBytes: 65_536 } }), "TWIN_MODULE_LIMIT"],
  ])("of %s is refused and leaves nothing", async (_what, bytes, code) => {
    await expect(bench.do("install", bytes())).rejects.toMatchObject({ code: expect.stringMatching(code) });
    expect(await bench.do("capabilities", undefined)).toEqual([]);
    expect(() => readdirSync(join(bench.folder, "packages"))).toThrow(/ENOENT/);
  });

  test("may start with what needs no permission", async () => {
    await bench.do("install", probePackage({ init: "(drop (call $now_ms)) (drop (call $caller))" }));
    expect(await bench.call("echo", "x")).toBe("x");
  });

  test("again repairs a package file that is gone or damaged", async () => {
    await bench.do("install", probePackage());
    truncateSync(file(), 200);
    await bench.reopen();
    await expect(bench.call("echo", "x")).rejects.toMatchObject({ code: "TWIN_PACKAGE_INVALID" });
    await bench.do("install", probePackage());
    rmSync(file());
    await bench.reopen();
    await expect(bench.call("echo", "x")).rejects.toMatchObject({ code: "TWIN_PACKAGE_INVALID" });
    await bench.do("install", probePackage());
    await bench.reopen();
    expect(await bench.call("echo", "x")).toBe("x");
  });
});

describe("a removal", () => {
  test("ends the capability and every grant for it, and keeps its data for when it comes back", async () => {
    await bench.do("install", probePackage());
    await bench.do("grant", { holder: "experience:desk", capability: "probe", methods: ["echo"], reason: "Test." });
    await bench.do("grant", { holder: "capability:probe", capability: "other", methods: ["echo"], reason: "Test." });
    await bench.call("put", "kept");
    await bench.do("remove", "probe");
    expect(await bench.do("grants", undefined)).toEqual([]);
    expect(await bench.do("capabilities", undefined)).toEqual([]);
    await expect(bench.call("echo", "x")).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
    await bench.reopen();
    await expect(bench.call("echo", "x")).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
    await bench.do("install", probePackage());
    expect(await bench.call("get", "")).toBe("kept");
    expect(await bench.do("grants", undefined)).toHaveLength(1);
  });

  test("does not hand the data to another publisher's capability of the same name", async () => {
    await bench.do("install", probePackage());
    await bench.do("remove", "probe");
    const thief = probePackage({ version: "9.0.0", publisher: testIdentity(51) });
    await expect(bench.do("install", thief)).rejects.toEqual(conflict);
  });

  test("of what is not here, or is needed by another, is refused", async () => {
    await expect(bench.do("remove", "probe")).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
    await bench.do("install", probePackage());
    await bench.do("install", probePackage({ name: "user", calls: "probe" }));
    await expect(bench.do("remove", "probe")).rejects.toMatchObject({
      code: "TWIN_PACKAGE_NEEDED",
      details: { by: "user" },
    });
    await bench.do("remove", "user");
    await bench.do("remove", "probe");
    expect(await bench.do("capabilities", undefined)).toEqual([]);
  });
});

test("a message for a capability that was removed is refused", async () => {
  await bench.do("install", probePackage());
  await bench.do("remove", "probe");
  expect(await bench.deliver(1, "receive", 0, { payload: jsonEncode("x") })).toMatchObject({ status: "refused" });
});
