// Keeps the whole twin in its vault while the host runs, and proves once a week that it comes back.

import { systemClock } from "./base/clock.ts";
import { toTwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { drillOnce } from "./drill.ts";
import type { Engine } from "./engine/engine.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { createReplicaSource } from "./replica.ts";
import { drillState } from "./restore.ts";
import type { HostStatus } from "./rpc/api.ts";
import type { ChangeHub } from "./rpc/change-hub.ts";
import type { Settings } from "./settings.ts";
import type { TwinStores } from "./twin-stores.ts";
import type { TwinVault } from "./twin-vault.ts";
import { createGate } from "./vault/gate.ts";
import { openReplicator } from "./vault/replicator.ts";

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
  /** Restores the twin into a throw-away folder, and compares. Throws what is wrong, which the status tells until a drill has succeeded. */
  drill(): Promise<void>;
  /** The same when the last time is long ago, or failed. */
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
  // They share the throw-away folder.
  const gate = createGate(1);
  const drillAlone = async (): Promise<void> => {
    try {
      await drillOnce(parts, () => replicator.flush());
      drillProblem = undefined;
    } catch (thrown) {
      // What was stopped, or met a worker that died, has shown nothing.
      if (!stop.signal.aborted && toTwinError(thrown).code !== "TWIN_ENGINE_RESTARTED") {
        drillProblem = `The restore drill failed: ${toTwinError(thrown).message}`;
        log.error({ code: toTwinError(thrown).code }, drillProblem);
      }
      throw thrown;
    }
    await settings.set("lastDrillAtMs", String(systemClock.nowMs()));
  };
  const drill = (): Promise<void> => gate(drillAlone);
  const drillIfDue = async (): Promise<void> => {
    if (drillProblem !== undefined || drillState(await lastDrill(), systemClock.nowMs()) !== "fresh") await drill();
  };
  const drills = async (): Promise<void> => {
    for (let delayMs = FIRST_DRILL_MS; ; delayMs = DRILL_CHECK_MS) {
      await systemClock.sleep(delayMs, { signal: stop.signal });
      await drillIfDue().catch(() => {});
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
