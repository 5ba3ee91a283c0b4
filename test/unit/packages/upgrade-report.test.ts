import { expect, it } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import type { Manifest } from "../../../host/packages/manifest.ts";
import { compareManifests } from "../../../host/packages/upgrade-report.ts";

const MANIFEST: Manifest = {
  abi: 1,
  name: "probe",
  version: "1.0.0",
  title: "Probe",
  description: "Says back what it hears.",
  licence: "Apache-2.0",
  methods: { echo: { kind: "query", doc: "Says it back.", params: true, result: true } },
  events: {},
  permissions: [],
  dataVersion: 1,
};

function limitsChanged(before: Manifest["limits"], after: Manifest["limits"]) {
  const side = { publisher: "did:key:z", sizeBytes: 1, name: "probe" };
  const from = { ...side, manifest: { ...MANIFEST, limits: before } };
  const to = { ...side, manifest: { ...MANIFEST, limits: after } };
  return compareManifests({ from, to, held: [], uses: [] }).limitsChanged;
}

it("tells each limit that is another, with the host's own where a manifest says nothing", () => {
  const { memorySizeBytes, callFuel } = LIMITS.sandbox;
  expect(limitsChanged(undefined, { memorySizeBytes: 65_536 })).toEqual([
    { limit: "memorySizeBytes", before: memorySizeBytes, after: 65_536 },
  ]);
  expect(limitsChanged({ callFuel: 1_000 }, {})).toEqual([{ limit: "callFuel", before: 1_000, after: callFuel }]);
});

it("is silent about a limit that is only written differently", () => {
  expect(limitsChanged({}, undefined)).toEqual([]);
  expect(limitsChanged(undefined, { callFuel: LIMITS.sandbox.callFuel })).toEqual([]);
});
