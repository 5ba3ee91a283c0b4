// The hardware profile of a data folder: read when it fits this machine, else measured and written.

import { readFile, rename, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type HardwareProfile, parseHardwareProfile } from "./hardware-profile.ts";
import type { Kernels } from "./kernels.ts";
import { measureLanes } from "./measure-lanes.ts";

/** What opening a profile needs. */
export interface ProfileOptions {
  /** Path of `hardware.json`. One process at a time writes it. */
  readonly path: string;
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly log: Log;
}

/** Processor and Node: what the figures hold for. */
export function thisHardware(): Pick<HardwareProfile, "cpu" | "node"> {
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", node: process.versions.node };
}

/**
 * The profile at `path`; when there is none for this machine, measures one (0.2 to 0.3 s) and keeps
 * it. A file that cannot be read or written costs the time again at the next start, nothing else.
 */
export async function openHardwareProfile(options: ProfileOptions): Promise<HardwareProfile> {
  const { path, kernels, clock, log } = options;
  const kept = await readHardwareProfile(path);
  if (kept !== undefined) return kept;
  const profile: HardwareProfile = {
    version: 1,
    ...thisHardware(),
    measuredBy: "start",
    measuredAtMs: clock.nowMs(),
    lanes: measureLanes(kernels, clock),
  };
  try {
    await writeHardwareProfile(path, profile);
  } catch (error) {
    log.warn({ err: error }, "The hardware profile could not be kept.");
  }
  return profile;
}

/** Replaces the profile at `path`: whole or not at all. */
export async function writeHardwareProfile(path: string, profile: HardwareProfile): Promise<void> {
  const draft = `${path}.draft`;
  await writeFile(draft, `${JSON.stringify(profile, undefined, 2)}\n`);
  await rename(draft, path);
}

/** The profile at `path`; undefined when there is none, or none for this machine. */
export async function readHardwareProfile(path: string): Promise<HardwareProfile | undefined> {
  let profile: HardwareProfile | undefined;
  try {
    profile = parseHardwareProfile(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
  const { cpu, node } = thisHardware();
  return profile?.cpu === cpu && profile.node === node ? profile : undefined;
}
