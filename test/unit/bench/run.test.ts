import { expect, it } from "vitest";

import type { Case } from "../../../bench/measure.ts";
import { runSuites } from "../../../bench/run.ts";
import type { Suite } from "../../../bench/suite.ts";
import { SUITES } from "../../../bench/suites.ts";

const subject: Case = {
  suite: "engine",
  name: "query",
  ours: { name: "ours", kind: "js", version: "1", sample: () => 0.001 },
  others: [],
};

function suite(cases: readonly Case[]): () => Promise<() => Promise<Suite>> {
  return async () => async () => ({ cases, async [Symbol.asyncDispose]() {} });
}

it("keeps what was measured when a suite fails, and says which one did", async () => {
  const broken: Case = {
    ...subject,
    ours: {
      ...subject.ours,
      sample: () => {
        throw new Error("nobody answers");
      },
    },
  };
  const failed: string[] = [];
  const report = await runSuites({
    suites: ["engine", "peers", "rpc"],
    caseText: "",
    quick: true,
    vaultSizeBytes: 0,
    openings: { ...SUITES, engine: suite([subject]), peers: suite([subject, broken]), rpc: suite([subject]) },
    onFailure: (name) => failed.push(name),
    onProgress: () => {},
  });
  expect(failed).toEqual(["peers"]);
  expect(report.rows).toHaveLength(3);
  expect(report.facts).toEqual({ "suite peers": "failed: nobody answers" });
});
