import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { sweepRemoved } from "../../../host/engine/installation-sweep.ts";
import { fireTimer } from "../../../host/engine/timer-loop.ts";
import { reviewPackage } from "../../../host/packages/package-file.ts";
import { changedProbe, dependentProbe } from "../../support/changed-probe.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const versions = async (): Promise<string[]> =>
  (await bench.do("capabilities", undefined)).map(({ name, version }) => `${name} ${version}`);

describe("a dependency", () => {
  const needy = dependentProbe({ name: "needy", calls: "probe" }, { probe: "^1.2.0" });

  test("that is not installed is named, with what there is", async () => {
    await expect(bench.do("install", needy)).rejects.toMatchObject({
      code: "TWIN_PACKAGE_DEPENDENCY",
      message: expect.stringContaining("needy 1.0.0 needs probe ^1.2.0, of which nothing is installed"),
      details: { missing: "probe@^1.2.0" },
    });
    await bench.do("install", probePackage({ version: "1.1.0" }));
    await expect(bench.do("install", needy)).rejects.toThrow(/probe \^1\.2\.0, of which 1\.1\.0 is installed/u);
    await bench.do("install", probePackage({ version: "1.2.0" }));
    await bench.do("install", needy);
    expect(await versions()).toEqual(["needy 1.0.0", "probe 1.2.0"]);
    expect((await bench.do("capabilities", undefined))[0]!.dependencies).toEqual({ probe: "^1.2.0" });
  });

  test("is not taken away by an upgrade, a rollback or a removal, and who needs it is named", async () => {
    await bench.do("install", probePackage({ version: "1.1.0" }));
    await bench.do("install", probePackage({ version: "1.2.0" }));
    await bench.do("install", needy);
    const next = probePackage({ version: "2.0.0" });
    const report = await bench.do("upgrade", { packageBytes: next, dryRun: true });
    expect(report.dependents).toEqual([{ user: "needy", needs: "probe ^1.2.0" }]);
    await expect(bench.do("upgrade", { packageBytes: next })).rejects.toMatchObject({
      code: "TWIN_PACKAGE_NEEDED",
      message: expect.stringContaining("capability:needy (needs probe ^1.2.0)"),
    });
    await expect(bench.do("rollBack", { name: "probe" })).rejects.toMatchObject({ code: "TWIN_PACKAGE_NEEDED" });
    await expect(bench.do("remove", "probe")).rejects.toMatchObject({ details: { by: "needy" } });
    expect(await versions()).toEqual(["needy 1.0.0", "probe 1.2.0"]);
    await bench.do("rollBack", { name: "probe", accept: ["breaks"] });
    expect(await versions()).toEqual(["needy 1.0.0", "probe 1.1.0"]);
  });

  test("is needed again when what was removed comes back", async () => {
    await bench.do("install", probePackage({ version: "1.2.0" }));
    await bench.do("install", needy);
    await bench.do("remove", "needy");
    await bench.do("remove", "probe");
    await expect(bench.do("restore", "needy")).rejects.toMatchObject({ code: "TWIN_PACKAGE_DEPENDENCY" });
    await bench.do("restore", "probe");
    await bench.do("restore", "needy");
    expect(await versions()).toEqual(["needy 1.0.0", "probe 1.2.0"]);
  });
});

describe("two major versions", () => {
  const second = (over: object = {}): Uint8Array<ArrayBuffer> => probePackage({ version: "2.0.0", ...over });

  beforeEach(async () => {
    await bench.do("install", probePackage());
    await bench.call("put", "first");
    await bench.do("upgrade", { packageBytes: second(), beside: true });
  });

  test("stand side by side with data and grants of their own", async () => {
    expect(await versions()).toEqual(["probe 1.0.0", "probe@2 2.0.0"]);
    await bench.call("put", "second", { capability: "probe@2" });
    expect(await bench.call("get", "")).toBe("first");
    expect(await bench.receiptOf("get", "", { capability: "probe@2" })).toMatchObject({
      capability: "probe@2",
      version: "2.0.0",
    });
    const grants = await bench.do("grants", undefined);
    expect(grants.map(({ capability }) => capability).toSorted()).toEqual(["probe", "probe@2"]);
    await bench.reopen();
    expect(await bench.call("get", "", { capability: "probe@2" })).toBe("second");
    expect(await bench.call("get", "")).toBe("first");
  });

  test("are upgraded, rolled back and removed each by itself", async () => {
    await bench.call("put", "second", { capability: "probe@2" });
    await bench.do("install", probePackage({ version: "2.1.0" }));
    expect(await versions()).toEqual(["probe 1.0.0", "probe@2 2.1.0"]);
    await bench.do("upgrade", { packageBytes: probePackage({ version: "1.1.0" }), beside: true });
    expect(await versions()).toEqual(["probe 1.1.0", "probe@2 2.1.0"]);
    await bench.do("rollBack", { name: "probe@2" });
    await bench.do("remove", "probe");
    expect(await versions()).toEqual(["probe@2 2.0.0"]);
    expect(await bench.call("get", "", { capability: "probe@2" })).toBe("second");
    await expect(bench.call("get", "")).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
  });

  test("are found by their major version, whichever has the plain name", async () => {
    expect(await bench.call("get", "", { capability: "probe@1" })).toBe("first");
    await bench.do("grant", { holder: "experience:app", capability: "probe@1", methods: ["get"], reason: "A test." });
    const holder = { kind: "experience", name: "app" } as const;
    expect(await bench.call("get", "", { capability: "probe@1", holder })).toBe("first");
    expect(await bench.call("get", "", { holder })).toBe("first");
    await expect(bench.call("get", "", { capability: "probe@2", holder })).rejects.toMatchObject({
      code: "TWIN_CALL_DENIED",
    });
    await expect(bench.call("get", "", { capability: "probe@3" })).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
    expect(await bench.deliver(1, "receive", "x", { capability: "probe@1" })).toEqual({ status: "done" });
  });

  test("keep their timers to themselves, also when one of them goes", async () => {
    await bench.call("later", "x", { capability: "probe@2" });
    await bench.do("remove", "probe@2");
    await bench.do("upgrade", { packageBytes: second(), accept: ["breaks"] });
    expect(await bench.call("echo", "x", { capability: "probe@2" })).toBe("x");
    bench.clock.advance(2_000);
    const [timer] = bench.core.timers.due(bench.clock.nowMs(), 10);
    await fireTimer(bench.core, timer!);
    expect(bench.core.timers.count()).toBe(0);
    expect(bench.news.flatMap(({ events }) => events)).toEqual([]);
  });

  test("answer those that depend on them", async () => {
    await bench.call("put", "second", { capability: "probe@2" });
    await bench.do("install", dependentProbe({ name: "old", calls: "probe" }, { probe: "^1" }));
    await bench.do("install", dependentProbe({ name: "new", calls: "probe" }, { probe: ">=2" }));
    expect(await bench.call("call_get", "", { capability: "old" })).toBe("first");
    expect(await bench.call("call_get", "", { capability: "new" })).toBe("second");
    await expect(bench.do("remove", "probe@2")).rejects.toMatchObject({ details: { by: "new" } });
    await expect(bench.do("remove", "probe")).rejects.toMatchObject({ details: { by: "old" } });
  });

  test("are of one publisher", async () => {
    const stranger = second({ version: "3.0.0", publisher: testIdentity(51) });
    const refused = bench.do("upgrade", { packageBytes: stranger, beside: true });
    await expect(refused).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
  });
});

describe("reviews", () => {
  const [ada, ben] = [testIdentity(61), testIdentity(62)];
  const reviewed = (...reviewers: readonly (typeof ada)[]): Uint8Array<ArrayBuffer> => {
    let bytes = probePackage();
    for (const reviewer of reviewers) bytes = reviewPackage(bytes, { reviewer, kernels });
    return bytes;
  };

  test("by the chosen reviewers are needed as soon as the owner requires them", async () => {
    await bench.do("setPackagePolicy", { reviewers: [ada.id, ben.id], required: 2, refused: [] });
    await bench.reopen();
    expect(await bench.do("packagePolicy", undefined)).toEqual({
      reviewers: [ada.id, ben.id],
      required: 2,
      refused: [],
    });
    for (const bytes of [probePackage(), reviewed(ada), reviewed(ada, testIdentity(63))]) {
      const refused = bench.do("upgrade", { packageBytes: bytes });
      await expect(refused).rejects.toMatchObject({ code: "TWIN_PACKAGE_REVIEW", details: { required: 2 } });
    }
    await bench.do("install", reviewed(ada, ben, testIdentity(63)));
    const [installed] = await bench.do("capabilities", undefined);
    expect(new Set(installed!.reviewers)).toEqual(new Set([ada.id, ben.id, testIdentity(63).id]));
  });

  test("are kept, added to by the same package, and handed on", async () => {
    await bench.do("install", reviewed(ada));
    expect((await bench.do("install", reviewed(ben))).reviewers).toEqual([ada.id, ben.id]);
    await bench.reopen();
    expect(await bench.do("packageFile", "probe")).toEqual(reviewed(ada, ben));
  });

  test.each([
    [{ reviewers: [ada.id], required: 2 }],
    [{ reviewers: [], required: 1 }],
    [{ reviewers: [ada.id, ada.id], required: 1 }],
    [{ reviewers: ["ada"], required: 0 }],
    [{ reviewers: [ada.id], required: -1 }],
    [{ reviewers: [ada.id], required: 0.5 }],
    [{ reviewers: [], required: 0, refused: ["ada"] }],
    [{ reviewers: [], required: 0, refused: [ada.id, ada.id] }],
  ])("cannot be required by %j", async (policy) => {
    await expect(bench.do("setPackagePolicy", { refused: [], ...policy })).rejects.toMatchObject({
      code: "TWIN_INPUT_INVALID",
    });
  });
});

describe("a version taken without its new rights", () => {
  const hungry = probePackage({ version: "1.1.0", calls: "other" });

  beforeEach(async () => {
    await bench.do("install", probePackage());
    await bench.do("install", probePackage({ name: "other" }));
    await bench.do("upgrade", { packageBytes: hungry, withhold: true });
  });

  test("runs, and is refused what it was not granted", async () => {
    const probe = (await bench.do("capabilities", undefined)).find(({ name }) => name === "probe")!;
    expect(probe.version).toBe("1.1.0");
    expect(probe.permissions.map(({ permission }) => permission)).toEqual(["state", "send", "emit", "schedule"]);
    expect(probe.withheld).toMatchObject([{ permission: { call: "other" } }]);
    expect(await bench.call("put", "x")).toBe("x");
    await expect(bench.call("call_get", "")).rejects.toMatchObject({ code: "TWIN_GUEST_DENIED" });
    await bench.reopen();
    await expect(bench.call("call_get", "")).rejects.toMatchObject({ code: "TWIN_GUEST_DENIED" });
  });

  test("is granted them later by taking it again, and asked for by the next version", async () => {
    const again = changedProbe({ version: "1.2.0", calls: "other" }, () => ({}));
    await expect(bench.do("install", again)).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONSENT" });
    await bench.do("upgrade", { packageBytes: hungry, accept: ["permissions"] });
    expect(await bench.call("call_get", "")).toBeNull();
    expect((await bench.do("capabilities", undefined)).map(({ withheld }) => withheld)).toEqual([[], []]);
  });
});

describe("a dry run", () => {
  test("tells what methods burn in both versions, and changes nothing", async () => {
    await bench.do("install", probePackage());
    await bench.call("put", "kept");
    // One more turn of work in the same method.
    const waste =
      "(loop $l (local.set 2 (i32.add (local.get 2) (i32.const 1))) (br_if $l (i32.lt_s (local.get 2) (i32.const 1000))))";
    const echo = "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
    const packageBytes = probePackage({ version: "1.1.0", more: { echo: `${waste} ${echo}` } });
    const { fuel = [] } = await bench.do("upgrade", { packageBytes, dryRun: true });
    const of = (name: string) => fuel.find(({ method }) => method === name);
    expect(of("echo")!.after).toBeGreaterThan(of("echo")!.before + 3_000);
    expect(of("put")).toMatchObject({ before: of("put")!.after });
    expect(fuel.map(({ method }) => method)).not.toContain("trap");
    expect(await bench.call("get", "")).toBe("kept");
    expect((await bench.do("status", undefined)).timers).toBe(0);
    expect((await bench.receiptOf("echo", "x")).version).toBe("1.0.0");
  });
});

describe("a dry run where calls are recorded", () => {
  test("measures with the last input that was good", async () => {
    await bench.do("install", probePackage());
    await bench.do("recordCalls", { capability: "probe", count: 5 });
    await bench.call("put", "x".repeat(5_000));
    await expect(bench.call("put_fail", "")).rejects.toMatchObject({ code: "TWIN_GUEST_FAILED" });
    await bench.core.flush();
    const { fuel = [] } = await bench.do("upgrade", { packageBytes: probePackage({ version: "1.1.0" }), dryRun: true });
    const of = (name: string) => fuel.find(({ method }) => method === name);
    expect(of("put")).toMatchObject({ input: "recorded" });
    expect(of("send")).toMatchObject({ input: "smallest" });
    // Each byte that it wrote is paid.
    expect(of("put")!.before).toBeGreaterThan(of("send")!.before);
    expect(of("put")!.before).toBeGreaterThan(40_000 + 5_000 * 12);
  });
});

describe("a removal", () => {
  const DAY_MS = 24 * 60 * 60 * 1_000;

  test("can be taken back for 30 days, and then its data is gone", async () => {
    await bench.do("install", probePackage());
    await bench.call("put", "kept");
    await bench.do("install", probePackage({ version: "1.1.0" }));
    const removedAtMs = bench.clock.nowMs();
    await bench.do("remove", "probe");
    bench.clock.advance(30 * DAY_MS - 1);
    await sweepRemoved(bench.core);
    expect(await bench.do("removed", undefined)).toEqual([
      { name: "probe", version: "1.1.0", title: "Probe", removedAtMs, keptUntilMs: removedAtMs + 30 * DAY_MS },
    ]);
    await bench.do("restore", "probe");
    expect(await bench.call("get", "")).toBe("kept");
    await bench.do("remove", "probe");
    bench.clock.advance(30 * DAY_MS);
    expect(await bench.do("removed", undefined)).toEqual([]);
    await expect(bench.do("restore", "probe")).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
    await sweepRemoved(bench.core);
    await bench.reopen();
    expect(bench.core.store.namespaces().filter((name) => name.includes("probe"))).toEqual([]);
    await bench.do("install", probePackage());
    expect(await bench.call("get", "")).toBeNull();
    await expect(bench.do("rollBack", { name: "probe" })).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
  });

  test("leaves the name with its publisher, and the version with its hash", async () => {
    await bench.do("install", probePackage());
    await bench.do("remove", "probe");
    bench.clock.advance(31 * DAY_MS);
    await sweepRemoved(bench.core);
    const thief = probePackage({ version: "9.0.0", publisher: testIdentity(51) });
    const other = probePackage({ more: { extra: "(i64.const 0)" } });
    for (const bytes of [thief, other]) {
      await expect(bench.do("install", bytes)).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
    }
  });

  test("of a version that nothing leads to takes its file away", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]) {
      await bench.do("install", probePackage({ version }));
    }
    expect(readdirSync(`${bench.folder}/packages`)).toHaveLength(1 + LIMITS.packages.keptVersionCount);
    await bench.do("rollBack", { name: "probe", version: "1.1.0" });
    expect(await bench.receiptOf("echo", "x")).toMatchObject({ version: "1.1.0" });
  });
});
