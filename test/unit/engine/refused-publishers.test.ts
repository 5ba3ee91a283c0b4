import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const [THIEF, OTHER] = [testIdentity(50), testIdentity(51)];
const refusal = { code: "TWIN_PACKAGE_REFUSED", details: { name: "probe", publisher: THIEF.id } };

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

async function refuse(...refused: readonly string[]): Promise<void> {
  await bench.do("setPackagePolicy", { reviewers: [], required: 0, refused });
}

test("nothing of a refused publisher is installed, nor tried, until it is allowed again", async () => {
  await refuse(THIEF.id);
  await bench.reopen();
  await expect(bench.do("install", probePackage())).rejects.toMatchObject(refusal);
  await expect(bench.do("upgrade", { packageBytes: probePackage(), dryRun: true })).rejects.toMatchObject(refusal);
  await bench.do("install", probePackage({ name: "fine", publisher: OTHER }));
  await refuse();
  await bench.do("install", probePackage());
});

test("what is installed goes on and can be gone back from, but is not upgraded", async () => {
  await bench.do("install", probePackage());
  await bench.call("put", "mine");
  await bench.do("install", probePackage({ version: "1.1.0" }));
  await refuse(THIEF.id);
  await expect(bench.do("install", probePackage({ version: "1.2.0" }))).rejects.toMatchObject(refusal);
  const beside = bench.do("upgrade", { packageBytes: probePackage({ version: "2.0.0" }), beside: true });
  await expect(beside).rejects.toMatchObject(refusal);
  expect(await bench.call("get", "")).toBe("mine");
  await bench.do("rollBack", { name: "probe" });
  expect(await bench.receiptOf("get", "")).toMatchObject({ version: "1.0.0", outcome: "ok" });
});

test("what was removed of a refused publisher does not come back", async () => {
  await bench.do("install", probePackage());
  await bench.do("remove", "probe");
  await refuse(THIEF.id);
  await expect(bench.do("restore", "probe")).rejects.toMatchObject(refusal);
  await refuse();
  await bench.do("restore", "probe");
});

test("a rule from before publishers could be refused still holds", async () => {
  const value = jsonEncode({ reviewers: [OTHER.id], required: 1 });
  await bench.core.commit([{ namespace: "$reviewers", key: utf8Encode("policy"), value }]);
  expect(await bench.do("packagePolicy", undefined)).toEqual({ reviewers: [OTHER.id], required: 1, refused: [] });
  await expect(bench.do("install", probePackage())).rejects.toMatchObject({ code: "TWIN_PACKAGE_REVIEW" });
});
