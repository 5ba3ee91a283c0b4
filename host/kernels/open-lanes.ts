// What a host takes from its hardware profile, unless its owner says otherwise: lanes and workers.

import { type HardwareProfile, type Lane, type LaneTable, uniformTable } from "./hardware-profile.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { openHardwareProfile, type ProfileOptions, readHardwareProfile } from "./open-hardware-profile.ts";
import { chooseWorkerCount, type WorkerCount } from "./worker-count.ts";

/** What opening lanes needs. */
export interface LanesOptions extends ProfileOptions {
  /** One lane for everything, or what was measured. */
  readonly setting: Lane | "auto";
  /** Workers of the pool of kernels: so many, or what was measured. */
  readonly workers: number | "auto";
}

/** Lanes and the number of workers, and who chose them. */
export interface OpenLanes {
  readonly lanes: Lanes;
  readonly chosenBy: HardwareProfile["measuredBy"] | "config";
  readonly workers: WorkerCount;
}

/** Opens the lanes. Measures when they are chosen by what was measured and nothing fits this machine; see {@link openHardwareProfile}. */
export async function openLanes(options: LanesOptions): Promise<OpenLanes> {
  const { kernels, path, setting, workers } = options;
  const open = (table: LaneTable): Lanes => createLanes(kernels, table);
  if (setting !== "auto") {
    const profile = await readHardwareProfile(path);
    return {
      lanes: open(uniformTable(setting)),
      chosenBy: "config",
      workers: chooseWorkerCount(workers, profile?.kernelWorkers),
    };
  }
  const profile = await openHardwareProfile(options);
  return {
    lanes: open(profile.lanes),
    chosenBy: profile.measuredBy,
    workers: chooseWorkerCount(workers, profile.kernelWorkers),
  };
}
