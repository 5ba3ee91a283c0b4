// Keeps the whole twin in its vault while the host runs, and proves once a week that it comes back.

import { mkdir, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import { systemClock } from "./base/clock.ts";
import { toTwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { Engine } from "./engine/engine.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { createReplicaSource } from "./replica.ts";
import { drillState, readTwin } from "./restore.ts";
import type { HostStatus } from "./rpc/api.ts";
import type { ChangeHub } from "./rpc/change-hub.ts";
import type { Settings } from "./settings.ts";
import { type StoreLine, writeStoreFile } from "./store-book.ts";
import type { TwinStores } from "./twin-stores.ts";
import type { TwinVault } from "./twin-vault.ts";
import { createLocator } from "./vault/locator.ts";
import { openReplicator } from "./vault/replicator.ts";
import { findRoots } from "./vault/root-record.ts";
import { parseStoreLocation } from "./vault/store-location.ts";

/** What keeping a copy needs. */
export interface ReplicaParts extends TwinVault {
  /** The data folder. */
  readonly folder: string;
  readonly twinStores: TwinStores;
  /** Opened to be followed. */
  readonly engine: Engine;
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly settings: Settings;
  readonly changes: ChangeHub;
  readonly log: Log;
}

/** A copy that is kept. Disposing it writes what waits, and ends. */
export interface KeptReplica extends AsyncDisposable {
  status(): Promise<HostStatus["replica"]>;
  /** Resolves when everything that was told before the call is in the vault. */
  flush(): Promise<void>;
  /** Restores the twin into a throw-away folder. Throws what is wrong. */
  drill(): Promise<void>;
  /** The same when the last time is long ago. */
  drillIfDue(): Promise<void>;
}

/** A drill that is due soon after the start would only slow it down. */
const FIRST_DRILL_MS = 5 * 60_000;
const DRILL_CHECK_MS = 60 * 60_000;

/** Begins to keep a copy. */
export function keepReplica(parts: ReplicaParts): KeptReplica {
  const { engine, folder, vault, stores, settings, changes, log } = parts;
  const stop = new AbortController();
  let drillProblem: string | undefined;
  const replicator = openReplicator({
    ...parts,
    source: createReplicaSource(engine, folder),
    vault,
    stores: () => stores.lines(),
    clock: systemClock,
    random: systemRandom,
  });
  // Records do not tell of files and of the list of stores.
  const endListening = changes.listen((what) => {
    if (what === "capabilities" || what === "experiences" || what === "stores") replicator.renew();
  });
  const lastDrill = async (): Promise<number | undefined> => {
    const kept = await settings.get("lastDrillAtMs");
    return kept === undefined ? undefined : Number(kept);
  };
  const drill = async (): Promise<void> => {
    await replicator.flush();
    await drillOnce(parts);
    await settings.set("lastDrillAtMs", String(systemClock.nowMs()));
  };
  const drillIfDue = async (): Promise<void> => {
    if (drillState(await lastDrill(), systemClock.nowMs()) !== "fresh") await drill();
  };
  const drills = async (): Promise<void> => {
    for (let delayMs = FIRST_DRILL_MS; ; delayMs = DRILL_CHECK_MS) {
      await systemClock.sleep(delayMs, { signal: stop.signal });
      try {
        await drillIfDue();
        drillProblem = undefined;
      } catch (thrown) {
        if (stop.signal.aborted) return;
        drillProblem = `The restore drill failed: ${toTwinError(thrown).message}`;
        log.error({ code: toTwinError(thrown).code }, drillProblem);
      }
    }
  };
  const drilling = drills().catch(() => {});
  return {
    async status() {
      const lastDrillAtMs = await lastDrill();
      const isLate = drillState(lastDrillAtMs, systemClock.nowMs()) === "late";
      const late = isLate
        ? `The last restore drill is more than ${LIMITS.vault.drillAlarmMs / 86_400_000} days ago.`
        : undefined;
      const { problem = drillProblem ?? late, ...status } = replicator.status();
      return { ...status, problem, ...(lastDrillAtMs === undefined ? {} : { lastDrillAtMs }) };
    },
    flush: () => replicator.flush(),
    drill,
    drillIfDue,
    async [Symbol.asyncDispose]() {
      endListening();
      stop.abort();
      await drilling;
      await replicator[Symbol.asyncDispose]();
    },
  };
}

/** Restores from the stores as they are, into a folder that is then deleted. */
async function drillOnce({ folder, stores, twinStores, vault, identity, kernels, log }: ReplicaParts): Promise<void> {
  const place = join(folder, "drill");
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { mode: 0o700 });
  try {
    await writeStoreFile(place, { stores: stores.lines().map((line) => atHome(folder, line)) });
    const locator = createLocator(identity.keys.locator, kernels, systemRandom);
    const { newest } = await findRoots({ identity, locator, kernels }, vault.notes);
    if (newest === undefined) throw new TypeError("A flushed replicator has a root record.");
    const { rows, ticks } = await readTwin(place, newest.record, {
      identity,
      kernels,
      log,
      openTwinStore: twinStores.open,
    });
    log.info({ rows, ticks }, "the restore drill succeeded");
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** The line as it reads from another folder. */
function atHome(folder: string, line: StoreLine): StoreLine {
  const isRelative = parseStoreLocation(line.location).kind === "directory" && !isAbsolute(line.location);
  return isRelative ? { ...line, location: join(folder, line.location) } : line;
}
