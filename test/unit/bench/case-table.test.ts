import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { CASES, caseFacts, SUITE_NAMES, type SuiteName } from "../../../bench/case-table.ts";
import { measureCase } from "../../../bench/measure.ts";
import { Peers } from "../../../bench/peers.ts";
import { SUITES } from "../../../bench/suites.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Checks outside of this project go by these names. */
const STABLE: Readonly<Partial<Record<SuiteName, string>>> = {
  kernels:
    "chacha20poly1305-seal chacha20poly1305-open xchacha20poly1305-seal blake3 rs-encode-16+4 rs-encode-10+4 " +
    "rs-reconstruct-16+4 chunk-gear put-pipeline",
  sandbox:
    "echo-64 echo-1k echo-64k echo-64-worker echo-1k-worker echo-64k-worker host-call instantiate admit-1mb meter-fib",
  engine: "command-durable command-durable-concurrent query message-exactly-once",
  vault: "put get get-range repair restore",
  rpc: "call-sequential call-concurrent call-binary-1mb",
  peers: "request stream",
  host: "start memory-idle memory-per-twin wake",
};

describe("the table of cases", () => {
  it("has every name that checks go by", () => {
    for (const suite of SUITE_NAMES) {
      expect(Object.keys(CASES[suite])).toEqual(expect.arrayContaining(STABLE[suite]!.split(" ")));
    }
  });

  it("is what docs/benchmarks.md lists, word by word", () => {
    const page = readFileSync(join(ROOT, "docs/benchmarks.md"), "utf8");
    const documented = [...page.matchAll(/^### Suite `(\w+)`\n([\s\S]*?)(?=\n###|\n\nA case)/gmu)].flatMap(
      ([, suite, section]) =>
        [...section!.matchAll(/^\| `([^`]+)` \| ([^|]+) \| (.+) \|$/gmu)].map((line) => [suite, ...line.slice(1)]),
    );
    const known = SUITE_NAMES.flatMap((suite) =>
      Object.entries(CASES[suite]).map(([name, { unit, what }]) => [suite, name, unit, what]),
    );
    expect(documented).toEqual(known);
  });

  it("knows no other name", () => {
    expect(() => caseFacts("host", "toString")).toThrow(/no case "toString"/);
  });

  it("has a suite for each of its parts", () => {
    expect(Object.keys(SUITES)).toEqual(SUITE_NAMES);
  });
});

describe("the suite of kernels", () => {
  it("has all of its cases, and contenders that compute the same", async () => {
    const open = await SUITES.kernels();
    await using suite = await open({
      peers: new Peers(),
      facts: {},
      quick: true,
      vaultSizeBytes: 0,
      wants: (name) => name !== "put-pipeline",
    });
    const names = new Set(suite.cases.map(({ name }) => name));
    expect([...names].toSorted()).toEqual(Object.keys(CASES.kernels).toSorted());
    const opening = suite.cases.find(({ name }) => name === "chacha20poly1305-open")!;
    const { ours, others } = await measureCase(opening, { rounds: 1, sliceMs: 1, warmupMs: 1 });
    expect(ours.median).toBeGreaterThan(0);
    expect(others.map(({ name }) => name)).toEqual(expect.arrayContaining(["libsodium-wrappers", "node:crypto"]));
  });
});
