// `--apply`: writes what was measured to the data folder, where the host reads it at its next start.

import { statSync } from "node:fs";
import { join } from "node:path";
import { dataFolder } from "../host/config.ts";
import type { HardwareProfile, LaneRule } from "../host/kernels/hardware-profile.ts";
import { thisHardware, writeHardwareProfile } from "../host/kernels/open-hardware-profile.ts";
import { isRestless, type Report } from "./report.ts";
import { laneTableOf } from "./suites/kernels/lanes.ts";
import { workerCountOf } from "./suites/kernels/workers.ts";
import { UsageError } from "./usage-error.ts";

/** The data folder that is meant. Throws when there is none, before anything is measured. */
export function requireDataFolder(chosen: string | undefined): string {
  const folder = dataFolder({ data: chosen });
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw new UsageError(
    `There is no data folder at ${folder}: start a twin there first, or name another one with --data.`,
  );
}

/** Writes the profile that `report` speaks for; answers what it says, line by line. */
export async function applyReport(report: Report, folder: string): Promise<string[]> {
  const here = thisHardware();
  if (report.machine.cpu !== here.cpu || report.machine.node !== here.node) {
    throw new UsageError(
      `This report is of ${report.machine.cpu} and Node ${report.machine.node}: apply one of this machine.`,
    );
  }
  const path = join(folder, "hardware.json");
  const lanes = laneTableOf(report.rows);
  const kernelWorkers = workerCountOf(report.rows);
  const measuredAtMs = Date.parse(report.startedAt);
  const profile: HardwareProfile = { version: 1, ...here, measuredBy: "bench", measuredAtMs, lanes, kernelWorkers };
  await writeHardwareProfile(path, profile);
  const lines = Object.entries(lanes).map(([operation, rules]) => `  ${operation}: ${rules.map(ruleText).join(", ")}`);
  const doubt = isRestless(report) ? ["measured on a restless machine: do it again when it is quiet"] : [];
  const workers = `  workers of the kernels: ${kernelWorkers}`;
  return [`written to ${path}, for the next start:`, ...lines, workers, ...doubt];
}

function ruleText({ upToSizeBytes, lane }: LaneRule): string {
  return upToSizeBytes === null ? `${lane} for the rest` : `${lane} up to ${upToSizeBytes} B`;
}
