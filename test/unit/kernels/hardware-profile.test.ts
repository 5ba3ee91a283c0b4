import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import {
  type HardwareProfile,
  LANE_OPERATIONS,
  parseHardwareProfile,
  uniformTable,
} from "../../../host/kernels/hardware-profile.ts";
import {
  openHardwareProfile,
  thisHardware,
  writeHardwareProfile,
} from "../../../host/kernels/open-hardware-profile.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { openLanes } from "../../../host/kernels/open-lanes.ts";
import { usualWorkerCount } from "../../../host/kernels/worker-count.ts";

const kernels = await openKernels();
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "twin-hardware-"));
  path = join(folder, "hardware.json");
});

afterEach(() => rmSync(folder, { recursive: true }));

const options = (): Parameters<typeof openHardwareProfile>[0] => ({
  path,
  kernels,
  clock: systemClock,
  log: silentLog,
});

function profile(changes: Partial<HardwareProfile> = {}): HardwareProfile {
  return {
    version: 1,
    ...thisHardware(),
    measuredBy: "bench",
    measuredAtMs: 1_800_000_000_000,
    lanes: uniformTable("native"),
    ...changes,
  };
}

describe("a hardware profile", () => {
  it("is measured at the first start, kept, and read at the next", async () => {
    const first = await openHardwareProfile(options());
    expect(first).toMatchObject({ ...thisHardware(), version: 1, measuredBy: "start" });
    expect(Object.keys(first.lanes).toSorted()).toEqual([...LANE_OPERATIONS].toSorted());
    expect(parseHardwareProfile(JSON.parse(readFileSync(path, "utf8")))).toEqual(first);
    expect(await openHardwareProfile(options())).toEqual(first);
  });

  it("of a bench is kept as it is", async () => {
    await writeHardwareProfile(path, profile());
    expect(await openHardwareProfile(options())).toEqual(profile());
  });

  it("of another processor or another Node is measured anew, and so is one that is torn", async () => {
    const texts = [
      JSON.stringify(profile({ cpu: "another" })),
      JSON.stringify(profile({ node: "1.0.0" })),
      JSON.stringify(profile()).slice(0, 50),
    ];
    for (const text of texts) {
      writeFileSync(path, text);
      expect((await openHardwareProfile(options())).measuredBy).toBe("start");
      expect(parseHardwareProfile(JSON.parse(readFileSync(path, "utf8")))?.measuredBy).toBe("start");
    }
  });

  it("that cannot be kept is used all the same", async () => {
    const opened = await openHardwareProfile({ ...options(), path: join(folder, "missing", "hardware.json") });
    expect(opened.measuredBy).toBe("start");
  });

  it("is refused when a part of it is not what it must be", () => {
    const lanes = uniformTable("wasm");
    const withRules = (rules: unknown): unknown => ({ ...profile(), lanes: { ...lanes, sha256: rules } });
    expect(parseHardwareProfile(profile())).toEqual(profile());
    const two = [
      { upToSizeBytes: 10, lane: "wasm" },
      { upToSizeBytes: null, lane: "native" },
    ];
    expect(parseHardwareProfile(withRules(two))).toBeDefined();
    const wrong: unknown[] = [
      null,
      7,
      [],
      {},
      { ...profile(), version: 2 },
      { ...profile(), measuredBy: "me" },
      { ...profile(), measuredAtMs: "now" },
      { ...profile(), kernelWorkers: 0 },
      { ...profile(), kernelWorkers: 2.5 },
      { ...profile(), kernelWorkers: LIMITS.kernels.workersMax + 1 },
      { ...profile(), lanes: { sha256: lanes.sha256 } },
      withRules([]),
      withRules([null]),
      withRules([{ upToSizeBytes: 10, lane: "wasm" }]),
      withRules([{ upToSizeBytes: null, lane: "gpu" }]),
      withRules([{ upToSizeBytes: null, lane: "wasm" }, two[1]]),
      withRules([two[0], two[0], two[1]]),
      withRules([{ upToSizeBytes: 1.5, lane: "wasm" }, two[1]]),
    ];
    for (const value of wrong) expect(parseHardwareProfile(value)).toBeUndefined();
  });
});

describe("a host's lanes", () => {
  it("are the owner's choice when there is one, without a measurement", async () => {
    for (const setting of ["wasm", "native"] as const) {
      const { lanes, chosenBy } = await openLanes({ ...options(), setting, workers: "auto" });
      expect(chosenBy).toBe("config");
      expect(lanes.table).toEqual(uniformTable(setting));
    }
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  it("are the profile's otherwise", async () => {
    await writeHardwareProfile(path, profile());
    const { lanes, chosenBy } = await openLanes({ ...options(), setting: "auto", workers: "auto" });
    expect([chosenBy, lanes.table]).toEqual(["bench", uniformTable("native")]);
  });
});

describe("a host's number of kernel workers", () => {
  const workersFor = async (setting: "auto" | "wasm", workers: number | "auto"): Promise<unknown> =>
    (await openLanes({ ...options(), setting, workers })).workers;

  it("is the owner's, else the bench's, else follows the cores", async () => {
    expect(await workersFor("auto", "auto")).toEqual({ count: usualWorkerCount(), chosenBy: "cores" });
    await writeHardwareProfile(path, profile({ kernelWorkers: 3 }));
    expect(await workersFor("auto", "auto")).toEqual({ count: 3, chosenBy: "bench" });
    expect(await workersFor("wasm", "auto")).toEqual({ count: 3, chosenBy: "bench" });
    expect(await workersFor("auto", 7)).toEqual({ count: 7, chosenBy: "config" });
  });

  it("does not follow a profile of another machine", async () => {
    await writeHardwareProfile(path, profile({ kernelWorkers: 3, cpu: "another" }));
    expect(await workersFor("wasm", "auto")).toEqual({ count: usualWorkerCount(), chosenBy: "cores" });
  });

  it("leaves a core to the host where there are two", () => {
    expect(usualWorkerCount()).toBe(Math.min(4, Math.max(1, availableParallelism() - 1)));
  });
});
