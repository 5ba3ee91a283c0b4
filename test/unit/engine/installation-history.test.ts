import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";

const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"];

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

/** Takes the versions one after the other, each of which leaves its own number in the data. */
async function takeAll(versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    await bench.do("install", probePackage({ version }));
    await bench.call("put", version);
  }
}

async function kept(): Promise<string[]> {
  const [probe] = await bench.do("capabilities", undefined);
  return probe!.keptVersions!.map(({ version }) => version);
}

/** Those with rows: a table that was emptied is gone when the twin is opened anew. */
async function keptTables(): Promise<string[]> {
  await bench.reopen();
  return bench.core.store
    .namespaces()
    .filter((name) => name.startsWith("$kept:"))
    .toSorted();
}

async function now(): Promise<{ readonly code: string; readonly data: unknown }> {
  return { code: (await bench.receiptOf("get", "")).version, data: await bench.call("get", "") };
}

describe("versions that were left", () => {
  test("are kept with their data, the last few of them", async () => {
    await takeAll(VERSIONS);
    expect(await kept()).toEqual(["1.3.0", "1.2.0", "1.1.0"]);
    expect(await kept()).toHaveLength(LIMITS.packages.keptVersionCount);
    await bench.reopen();
    for (const version of ["1.1.0", "1.3.0", "1.2.0", "1.4.0"]) {
      expect(await bench.do("rollBack", { name: "probe", version })).toMatchObject({ version });
      expect(await now()).toEqual({ code: version, data: version });
    }
    expect(await kept()).toEqual(["1.2.0", "1.3.0", "1.1.0"]);
    const refused = bench.do("rollBack", { name: "probe", version: "1.0.0" });
    await expect(refused).rejects.toThrow(
      "probe is 1.4.0 and has no 1.0.0 to go back to. Kept are: 1.2.0, 1.3.0, 1.1.0.",
    );
    await expect(refused).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
    expect(await keptTables()).toEqual(["$kept:probe@1.1.0", "$kept:probe@1.2.0", "$kept:probe@1.3.0"]);
  });

  test("keep what happened in them until they are left again", async () => {
    await takeAll(["1.0.0", "1.1.0", "1.2.0"]);
    await bench.do("rollBack", { name: "probe", version: "1.0.0" });
    await bench.call("put", "since");
    await bench.do("rollBack", { name: "probe" });
    expect(await now()).toEqual({ code: "1.2.0", data: "1.2.0" });
    await bench.do("rollBack", { name: "probe" });
    expect(await now()).toEqual({ code: "1.0.0", data: "since" });
  });

  test("stay in their order when the clock goes back", async () => {
    await takeAll(["1.0.0", "1.1.0"]);
    bench.clock.advance(-3_600_000);
    await takeAll(["1.2.0"]);
    expect(await kept()).toEqual(["1.1.0", "1.0.0"]);
  });

  test("make room for the data of the same version that is taken once more", async () => {
    await takeAll(["1.0.0", "1.1.0"]);
    await bench.do("rollBack", { name: "probe" });
    await bench.call("put", "else");
    await bench.do("install", probePackage({ version: "1.1.0" }));
    expect(await now()).toEqual({ code: "1.1.0", data: "else" });
    expect(await kept()).toEqual(["1.0.0"]);
  });

  test("belong to one of two that stand side by side", async () => {
    await takeAll(["1.0.0", "1.1.0"]);
    for (const version of ["2.0.0", "2.1.0"]) {
      await bench.do("upgrade", { packageBytes: probePackage({ version }), beside: true });
    }
    expect(await kept()).toEqual(["1.0.0"]);
    expect(await bench.do("rollBack", { name: "probe@2" })).toMatchObject({ name: "probe@2", version: "2.0.0" });
    expect(await now()).toEqual({ code: "1.1.0", data: "1.1.0" });
  });

  test("of a twin of an earlier build, which kept one without its number, can be gone back to", async () => {
    await takeAll(["1.0.0", "1.1.0"]);
    const { core } = bench;
    const at = (namespace: string, key: string) => ({ namespace, key: utf8Encode(key) });
    const row = jsonDecode(core.store.get(at("$kept-records", "probe@1.0.0"))!) as { leftAtMs?: number };
    delete row.leftAtMs;
    const data = core.store.get(at("$kept:probe@1.0.0", "k"))!;
    await core.commit([
      { ...at("$kept-records", "probe@1.0.0"), value: undefined },
      { ...at("$kept:probe@1.0.0", "k"), value: undefined },
      { ...at("$kept-records", "probe"), value: jsonEncode(row) },
      { ...at("$kept:probe", "k"), value: data },
    ]);
    expect(await kept()).toEqual(["1.0.0"]);
    await bench.do("rollBack", { name: "probe" });
    expect(await now()).toEqual({ code: "1.0.0", data: "1.0.0" });
    expect(await keptTables()).toEqual(["$kept:probe@1.1.0"]);
  });
});
