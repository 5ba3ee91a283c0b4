import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hexEncode, jsonDecode, jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { changedProbe } from "../../support/changed-probe.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const KEY = "(i32.const 0) (i32.const 1)";
const ANSWER = `(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`;
/** Writes what it was called with over the row `k`. */
const REWRITE = `(call $kv_put ${KEY} (local.get 0) (local.get 1)) ${ANSWER}`;
const DROP = `(drop (call $kv_delete ${KEY})) ${ANSWER}`;

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
  await bench.do("install", probePackage());
  await bench.call("put", "old");
});
afterEach(() => bench[Symbol.asyncDispose]());

/** A version with the data version 2 and this migration. */
function migrating(version: string, migrate: string, keeps: readonly string[] = ["k"]): Uint8Array {
  return changedProbe({ version, more: { migrate } }, ({ methods }) => ({
    dataVersion: 2,
    migration: { keeps },
    methods: { ...methods, migrate: { ...methods["migrate"]!, params: true } },
  }));
}

/** Everything that the twin keeps, receipts aside. */
function dump(): Record<string, string[]> {
  const { store } = bench.core;
  const tables = store.namespaces().filter((namespace) => !/^\$(?:receipt|totals)/u.test(namespace));
  return Object.fromEntries(
    tables.map((namespace) => [
      namespace,
      store
        .scan({ namespace, start: new Uint8Array(), limit: 1_000 })
        .map(({ key, value }) => `${hexEncode(key)}=${hexEncode(value)}`),
    ]),
  );
}

describe("an upgrade", () => {
  test("runs the migration on the data and reports what changes", async () => {
    const next = migrating("2.0.0", REWRITE);
    const report = await bench.do("upgrade", { packageBytes: next });
    expect(report).toMatchObject({
      fromVersion: "1.0.0",
      toVersion: "2.0.0",
      methodsAdded: ["migrate"],
      methodsRemoved: [],
      permissionsAdded: [],
      breaks: [],
      migration: { fromDataVersion: 1, toDataVersion: 2, rowsChanged: 1 },
    });
    expect(report.migration!.fuel).toBeGreaterThan(40_000);
    expect(await bench.call("get", "")).toEqual({ from: 1 });
    await bench.reopen();
    expect(await bench.call("get", "")).toEqual({ from: 1 });
  });

  test("that is only tried changes nothing, byte for byte", async () => {
    const before = dump();
    const report = await bench.do("upgrade", { packageBytes: migrating("2.0.0", REWRITE), dryRun: true });
    expect(report.migration).toMatchObject({ rowsChanged: 1 });
    expect(dump()).toEqual(before);
    expect(await bench.call("get", "")).toBe("old");
  });

  test.each([
    ["traps", "unreachable"],
    ["loops", "(loop $l (br $l)) unreachable"],
    ["drops a row that it declares to keep", DROP],
    [
      "sends",
      `(call $send (i32.const 128) (i32.const 56) (i32.const 272) (i32.const 5) (i32.const 256) (i32.const 7) (local.get 0) (local.get 1)) ${ANSWER}`,
    ],
    ["answers garbage", "(i64.const -1)"],
    ["gives up", `(call $fail (i32.const 48) (i32.const 10) (i32.const 64) (i32.const 6)) ${ANSWER}`],
  ])("whose migration %s is refused, and nothing has changed", async (_, migrate) => {
    const before = dump();
    const packageBytes = migrating("2.0.0", `(call $kv_put ${KEY} (local.get 0) (local.get 1)) ${migrate}`);
    const refused = bench.do("upgrade", { packageBytes });
    await expect(refused).rejects.toMatchObject({ code: "TWIN_PACKAGE_MIGRATION" });
    expect(dump()).toEqual(before);
    expect(await bench.call("get", "")).toBe("old");
    expect((await bench.receiptOf("get", "")).version).toBe("1.0.0");
  });

  test("with newer data but no migration, or with older data, is refused", async () => {
    const silent = changedProbe({ version: "2.0.0" }, () => ({ dataVersion: 2 }));
    await expect(bench.do("install", silent)).rejects.toMatchObject({ code: "TWIN_PACKAGE_MIGRATION" });
    await bench.do("install", migrating("2.0.0", REWRITE));
    await expect(bench.do("install", probePackage({ version: "3.0.0" }))).rejects.toThrow(/data version 1 is older/u);
  });

  test("that asks for more needs the owner's word", async () => {
    await bench.do("install", probePackage({ name: "other" }));
    const before = dump();
    const packageBytes = probePackage({ version: "1.1.0", calls: "other" });
    await expect(bench.do("install", packageBytes)).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONSENT" });
    expect(dump()).toEqual(before);
    const report = await bench.do("upgrade", { packageBytes, accept: ["permissions"] });
    expect(report.permissionsAdded).toMatchObject([{ permission: { call: "other" } }]);
  });

  test("that would break others names them, and is refused unless the owner accepts it", async () => {
    await bench.do("install", probePackage({ name: "user", calls: "probe" }));
    await bench.do("grant", {
      holder: "experience:app",
      capability: "probe",
      methods: ["echo", "get"],
      reason: "A test.",
    });
    // Installed, and never opened: it holds no grant yet.
    const unopened = { name: "desk", needs: [{ capability: "probe@1", methods: ["get", "echo"], reason: "A test." }] };
    const row = { namespace: "$experiences", key: utf8Encode("desk"), value: jsonEncode(unopened) };
    await bench.do("writeTable", [row]);
    const packageBytes = changedProbe({ version: "2.0.0" }, ({ methods }) => {
      const rest = Object.fromEntries(Object.entries(methods).filter(([name]) => name !== "echo"));
      return { methods: { ...rest, put: { ...methods["put"]!, params: { type: "string", maxLength: 10 } } } };
    });
    // The module still exports echo, which a manifest may leave out.
    const refused = bench.do("upgrade", { packageBytes });
    await expect(refused).rejects.toThrow(
      /would break capability:user \(put\), experience:app \(echo\), experience:desk \(echo\)/u,
    );
    await expect(refused).rejects.toMatchObject({ code: "TWIN_PACKAGE_NEEDED" });
    await bench.do("upgrade", { packageBytes, accept: ["breaks"] });
    await expect(bench.call("echo", "x")).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
  });

  test("of a publisher who is another is refused, also after a removal", async () => {
    const stranger = probePackage({ version: "2.0.0", publisher: testIdentity(51) });
    await expect(bench.do("upgrade", { packageBytes: stranger })).rejects.toMatchObject({
      code: "TWIN_PACKAGE_CONFLICT",
      message: expect.stringContaining(
        `probe is of the publisher ${testIdentity(50).id} here, whose data would fall into the hands of ${testIdentity(51).id}`,
      ),
    });
    await bench.do("remove", "probe");
    await expect(bench.do("upgrade", { packageBytes: stranger })).rejects.toMatchObject({
      code: "TWIN_PACKAGE_CONFLICT",
    });
  });

  test("whose commit fails leaves the version before", async () => {
    bench.faults.failWrites = true;
    await expect(bench.do("upgrade", { packageBytes: migrating("2.0.0", REWRITE) })).rejects.toMatchObject({
      name: "TwinError",
    });
    bench.faults.failWrites = false;
    expect(await bench.call("get", "")).toBe("old");
    expect((await bench.receiptOf("get", "")).version).toBe("1.0.0");
  });
});

describe("a rollback", () => {
  test("brings code and data back in one step, and forth again", async () => {
    await bench.do("install", migrating("2.0.0", REWRITE));
    await bench.call("put", "new");
    expect(await bench.do("rollBack", { name: "probe" })).toMatchObject({ version: "1.0.0" });
    expect(await bench.call("get", "")).toBe("old");
    await bench.reopen();
    expect(await bench.call("get", "")).toBe("old");
    expect(await bench.do("rollBack", { name: "probe" })).toMatchObject({ version: "2.0.0" });
    expect(await bench.call("get", "")).toBe("new");
  });

  test("removes rows that came since, and leaves other capabilities alone", async () => {
    await bench.do("install", probePackage({ name: "other" }));
    await bench.call("put", "theirs", { capability: "other" });
    await bench.call("erase", "");
    await bench.do("install", probePackage({ version: "1.1.0" }));
    await bench.call("put", "since");
    await bench.do("rollBack", { name: "probe" });
    expect(await bench.call("get", "")).toBeNull();
    expect(await bench.call("get", "", { capability: "other" })).toBe("theirs");
  });

  test("needs a version before, and one that is installed", async () => {
    await expect(bench.do("rollBack", { name: "probe" })).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
    await expect(bench.do("rollBack", { name: "nothing" })).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
  });

  test("does not free a version for another content", async () => {
    await bench.do("install", probePackage({ version: "1.1.0" }));
    await bench.do("rollBack", { name: "probe" });
    const other = probePackage({ version: "1.1.0", more: { extra: "(i64.const 0)" } });
    await expect(bench.do("install", other)).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
    await bench.do("install", probePackage({ version: "1.1.0" }));
  });

  test("carries a state of many rows", async () => {
    const { core } = bench;
    const value = new TextEncoder().encode(JSON.stringify("x".repeat(4_000)));
    const key = (row: number): Uint8Array => new TextEncoder().encode(`row/${String(row).padStart(5, "0")}`);
    await core.commit(Array.from({ length: 400 }, (_, row) => ({ namespace: "probe", key: key(row), value })));
    await bench.do("install", probePackage({ version: "1.1.0" }));
    await core.commit([{ namespace: "probe", key: key(200), value: undefined }]);
    await bench.do("rollBack", { name: "probe" });
    expect(jsonDecode(core.store.get({ namespace: "probe", key: key(200) })!)).toHaveLength(4_000);
    expect(core.store.get({ namespace: "probe", key: key(399) })).toEqual(value);
  });
});

describe("a restore", () => {
  test("takes a removal back with data and grants", async () => {
    const grants = await bench.do("grants", undefined);
    await bench.do("remove", "probe");
    await expect(bench.call("get", "")).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
    expect(await bench.do("restore", "probe")).toMatchObject({ version: "1.0.0" });
    expect(await bench.call("get", "")).toBe("old");
    const again = await bench.do("grants", undefined);
    expect(again.map(({ holder, methods }) => ({ holder, methods }))).toEqual(
      grants.map(({ holder, methods }) => ({ holder, methods })),
    );
  });

  test("needs something that was removed", async () => {
    await expect(bench.do("restore", "probe")).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
    await expect(bench.do("restore", "nothing")).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
  });
});
