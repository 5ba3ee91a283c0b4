import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Case } from "../../../bench/measure.ts";
import { bestPeer, isRestless, readReport, toRow } from "../../../bench/report.ts";
import { toHtml } from "../../../bench/report-html.ts";
import { replaceMarkedBlock, toMarkdown, toText } from "../../../bench/report-text.ts";
import { figures, report, row } from "./fixed-report.ts";

const OURS = { name: "wasm", kind: "wasm", version: "ours", run: () => 1 } as const;
const PEERS = [
  figures("slow js", 100, { kind: "js" }),
  figures("fast wasm", 400),
  figures("native", 2_000, { kind: "native" }),
];

describe("a row", () => {
  it("compares with the best portable and the best native peer, above 1 is ahead", () => {
    const subject: Case = { suite: "kernels", name: "blake3", sizeBytes: 64, ours: OURS, others: [] };
    const made = toRow(subject, { ours: figures("wasm", 1_000), others: PEERS });
    expect(made).toMatchObject({
      unit: "MB/s",
      higherIsBetter: true,
      ratioToBestPortable: 2.5,
      ratioToBestNative: 0.5,
    });
  });

  it("turns ratios where less is better", () => {
    const subject: Case = { suite: "sandbox", name: "echo-64", ours: OURS, others: [] };
    const made = toRow(subject, { ours: figures("sandbox", 50), others: PEERS });
    expect(made).toMatchObject({ unit: "us", higherIsBetter: false, ratioToBestPortable: 2, ratioToBestNative: 40 });
    expect(bestPeer(made, false)?.name).toBe("slow js");
  });

  it("has no ratio without a peer of the kind", () => {
    const subject: Case = { suite: "kernels", name: "blake3", ours: OURS, others: [] };
    const made = toRow(subject, { ours: figures("wasm", 1), others: [] });
    expect(made.ratioToBestPortable).toBeUndefined();
    expect(made.ratioToBestNative).toBeUndefined();
  });

  it("refuses a case that the table does not know", () => {
    const subject: Case = { suite: "kernels", name: "blake4", ours: OURS, others: [] };
    expect(() => toRow(subject, { ours: figures("wasm", 1), others: [] })).toThrow(/no case "blake4"/);
  });
});

const FULL = report(
  [
    row(1_234, { others: PEERS, ratioToBestPortable: 3.085, ratioToBestNative: 0.617 }),
    row(0.5, { suite: "host", case: "start", sizeBytes: undefined, unit: "s", higherIsBetter: false }),
  ],
  { facts: { "disk | sync": "1 ms" }, missingPeers: ["sodium-native"] },
);

describe("the JSON report", () => {
  it("has exactly the documented fields", () => {
    const subject: Case = { suite: "kernels", name: "blake3", sizeBytes: 64, ours: OURS, others: [] };
    const rows = [toRow(subject, { ours: figures("wasm", 1_000), others: PEERS })];
    const parsed = JSON.parse(JSON.stringify(report(rows))) as Record<string, object> & { rows: object[] };
    expect(Object.keys(parsed)).toEqual("format machine startedAt quick noise rows facts missingPeers".split(" "));
    expect(Object.keys(parsed["machine"]!)).toEqual("cpu cores features memoryBytes node v8 os load".split(" "));
    expect(parsed.rows[0]).toEqual({
      suite: "kernels",
      case: "blake3",
      sizeBytes: 64,
      unit: "MB/s",
      higherIsBetter: true,
      ours: { name: "wasm", kind: "wasm", version: "1.0.0", median: 1_000, best: 1_000, spread: 0.01 },
      others: expect.any(Array) as unknown,
      ratioToBestPortable: 2.5,
      ratioToBestNative: 0.5,
    });
  });

  describe("of an earlier run", () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "twin-bench-"));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it("is read back as it was", () => {
      const path = join(folder, "run.json");
      writeFileSync(path, JSON.stringify(FULL));
      expect(readReport(path)).toEqual(JSON.parse(JSON.stringify(FULL)));
    });

    it.each([
      ["no JSON", "{", /cannot be read as a report/],
      ["another format", '{"format":"twin-bench/9"}', /expected "twin-bench\/1", found "twin-bench\/9"/],
      ["null", "null", /found undefined/],
    ])("is refused when it holds %s", (_, text, message) => {
      const path = join(folder, "bad.json");
      writeFileSync(path, text);
      expect(() => readReport(path)).toThrow(message);
    });

    it("is refused when there is none", () => {
      expect(() => readReport(join(folder, "absent.json"))).toThrow(/cannot be read as a report/);
    });
  });
});

describe("the table", () => {
  it("names the best peers, their ratios and who is missing", () => {
    const text = toText(FULL).join("\n");
    expect(text).toContain("Fast <CPU>, 2 cores, 8.0 GiB, avx2");
    expect(text).toMatch(/blake3 +64 KiB +1,234 MB\/s +±1% +400 MB\/s fast wasm +3\.0\d +2,000 MB\/s native +0\.62/);
    expect(text).toMatch(/start +0\.500 s +±1% +- +- +- +-/);
    expect(text).toContain("Not installed here: sodium-native. Install with: npm run bench -- --install-peers");
    expect(text).not.toContain("restless");
  });

  it("sends nobody to npm for what the operating system has", () => {
    const restic = "restic (a package of the operating system)";
    const told = (...missingPeers: readonly string[]) => toText({ ...FULL, missingPeers }).join("\n");
    expect(told(restic)).not.toContain("--install-peers");
    expect(told(restic, "sodium-native")).toMatch(/, sodium-native\. Install the others with: npm run bench/u);
  });

  it("lists every peer when asked to", () => {
    const text = toText(FULL, { all: true }).join("\n");
    expect(text).toMatch(/100 MB\/s +±1% +slow js 1\.0\.0 +12\.34 +js\n/);
    expect(text).toMatch(/2,000 MB\/s +±1% +native 1\.0\.0 +0\.62 +native\n/);
  });

  it("warns of a busy or unsteady machine", () => {
    expect(isRestless(report([]))).toBe(false);
    for (const restless of [report([], { noise: 0.2 }), report([], { machine: { ...FULL.machine, load: 1.5 } })]) {
      expect(toText(restless).join("\n")).toContain("restless");
      expect(toHtml(restless)).toContain("restless");
      expect(toMarkdown(restless)).toContain("restless");
    }
  });

  it("goes into a page between its marks, again and again", () => {
    const page =
      "before\n<!-- bench: begin (generated by npm run bench -- --markdown) -->\nold\n<!-- bench: end -->\nbehind\n";
    const once = replaceMarkedBlock(page, toMarkdown(FULL));
    expect(once).toMatch(/^before\n<!-- bench: begin[^\n]*-->\nFast/);
    expect(once).toMatch(/\n<!-- bench: end -->\nbehind\n$/);
    expect(once).not.toContain("old");
    expect(once).toContain("| disk \\| sync | 1 ms |");
    expect(replaceMarkedBlock(once, toMarkdown(FULL))).toBe(once);
    expect(() => replaceMarkedBlock("no marks", "")).toThrow(/Expected a page with the lines/);
  });
});

describe("the page", () => {
  it("needs nothing but itself", () => {
    const page = toHtml(FULL);
    expect(page).not.toMatch(/<script|<link|<img|src=|url\(|@import|https?:/i);
    expect(page).toContain("<style>:root");
  });

  it("escapes what it is told", () => {
    expect(toHtml(FULL)).toContain("Fast &lt;CPU>");
    const named = report([row(1, { others: [figures('"><script>alert(1)</script>', 2)], ratioToBestPortable: 0.5 })]);
    expect(toHtml(named)).not.toContain("<script>");
  });

  it("shows cases that this version does not know", () => {
    expect(toHtml(report([row(1, { suite: "later", case: "unknown" })]))).toContain("unknown");
  });
});
