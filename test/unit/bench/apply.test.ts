import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { applyReport, requireDataFolder } from "../../../bench/apply.ts";
import type { Report, Row } from "../../../bench/report.ts";
import { laneCases, laneTableOf } from "../../../bench/suites/kernels/lanes.ts";
import { workerCountOf } from "../../../bench/suites/kernels/workers.ts";
import { LANE_OPERATIONS, parseHardwareProfile } from "../../../host/kernels/hardware-profile.ts";
import { thisHardware } from "../../../host/kernels/open-hardware-profile.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { figures, report, row } from "./fixed-report.ts";

let folder: string;
let rows: Row[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "twin-bench-"));
  // Ours is ahead below 4 KiB, by so little at 2 KiB that it is noise, and behind from there on.
  rows = laneCases(await openKernels()).map(({ name, sizeBytes }) =>
    row(1, { case: name, sizeBytes, ratioToBestNative: sizeBytes! < 2_048 ? 3 : sizeBytes === 2_048 ? 0.97 : 0.5 }),
  );
  rows.push(workersRow({ 1: 900, 2: 1_700, 3: 1_740, 4: 1_500 }));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A row of `lane-workers`: MB/s by number of workers. */
function workersRow(medians: Readonly<Record<number, number>>): Row {
  const [ours, ...others] = Object.entries(medians).map(([count, median]) => figures(`${count} workers`, median));
  return row(1, { case: "lane-workers", sizeBytes: 1_048_576, ours: ours!, others });
}

function ownReport(): Report {
  const fixed = report(rows);
  return { ...fixed, machine: { ...fixed.machine, ...thisHardware() } };
}

describe("the lane table of a run", () => {
  it("takes the native lane where it is ahead beyond noise, and joins neighbours", () => {
    const rules = [
      { upToSizeBytes: 4_096, lane: "wasm" },
      { upToSizeBytes: null, lane: "native" },
    ];
    expect(laneTableOf(rows)).toEqual(Object.fromEntries(LANE_OPERATIONS.map((operation) => [operation, rules])));
  });

  it("is one rule where one lane is always ahead", () => {
    const ahead = rows.map((lane) => ({ ...lane, ratioToBestNative: 2 }));
    expect(laneTableOf(ahead).sha256).toEqual([{ upToSizeBytes: null, lane: "wasm" }]);
  });

  it("needs every size of every operation", () => {
    expect(() => laneTableOf(rows.slice(1))).toThrow(/needs all cases "lane-\*"/);
    expect(() => laneTableOf(rows.map((lane) => ({ ...lane, ratioToBestNative: undefined })))).toThrow(/needs all/);
  });
});

describe("the number of workers of a run", () => {
  it("is the smallest that does as much as the best, but for noise", () => {
    expect(workerCountOf([workersRow({ 1: 900, 2: 905 })])).toBe(1);
    expect(workerCountOf([workersRow({ 1: 900, 2: 1_000, 10: 1_800 })])).toBe(10);
  });

  it("needs its case", () => {
    expect(() => workerCountOf(rows.filter((row) => row.case !== "lane-workers"))).toThrow(/needs the case/);
  });
});

describe("applying a run", () => {
  it("writes a profile that the host reads, and says what it holds", async () => {
    const lines = await applyReport(ownReport(), folder);
    const profile = parseHardwareProfile(JSON.parse(readFileSync(join(folder, "hardware.json"), "utf8")));
    expect(profile).toEqual({
      version: 1,
      ...thisHardware(),
      measuredBy: "bench",
      measuredAtMs: Date.parse("2026-01-02T03:04:05.000Z"),
      lanes: laneTableOf(rows),
      kernelWorkers: 2,
    });
    expect(lines).toContain("  workers of the kernels: 2");
    expect(lines).toContain("  sha256: wasm up to 4096 B, native for the rest");
  });

  it("refuses what another machine measured", async () => {
    await expect(applyReport(report(rows), folder)).rejects.toThrow(/apply one of this machine/);
  });

  it("asks for a data folder before anything is measured", () => {
    expect(requireDataFolder(folder)).toBe(folder);
    expect(() => requireDataFolder(join(folder, "absent"))).toThrow(/There is no data folder at/);
  });
});
