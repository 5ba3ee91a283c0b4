// The lanes of a host: as the owner says, else as measured on this machine.

import { type HardwareProfile, type Lane, type LaneTable, uniformTable } from "./hardware-profile.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { openHardwareProfile, type ProfileOptions } from "./open-hardware-profile.ts";

/** What opening lanes needs. */
export interface LanesOptions extends ProfileOptions {
  /** One lane for everything, or what was measured. */
  readonly setting: Lane | "auto";
}

/** Lanes, and who chose them. */
export interface OpenLanes {
  readonly lanes: Lanes;
  readonly chosenBy: HardwareProfile["measuredBy"] | "config";
}

/** Opens the lanes. Measures when they are chosen by what was measured and nothing fits this machine; see {@link openHardwareProfile}. */
export async function openLanes(options: LanesOptions): Promise<OpenLanes> {
  const { kernels, setting } = options;
  const open = (table: LaneTable): Lanes => createLanes(kernels, table);
  if (setting !== "auto") return { lanes: open(uniformTable(setting)), chosenBy: "config" };
  const profile = await openHardwareProfile(options);
  return { lanes: open(profile.lanes), chosenBy: profile.measuredBy };
}
