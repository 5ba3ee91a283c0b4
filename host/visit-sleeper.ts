// A short look at a twin that nobody has open: its vault and what keeps a copy in it, without the rest.

import { systemClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { Engine } from "./engine/engine.ts";
import type { Identity } from "./identity/identity.ts";
import { keepReplica } from "./keep-replica.ts";
import type { SleeperVisit } from "./keep-sleepers.ts";
import { lookAfterVault } from "./keep-vault.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { createChangeHub } from "./rpc/change-hub.ts";
import { createSettings } from "./settings.ts";
import { openTwinVault } from "./twin-vault.ts";
import { TwinStores } from "./twin-stores.ts";
import { parseStoreLocation } from "./vault/store-location.ts";

/** What {@link visitSleeper} needs. */
export interface SleeperOrigins {
  /** The twin's own. */
  readonly folder: string;
  readonly engine: Engine;
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly kernelWorkers: number;
  readonly log: Log;
}

/** Opens the twin's vault; undefined when that takes more: some of its stores are other twins. Rejects as `openTwinVault` does. */
export async function visitSleeper(origins: SleeperOrigins): Promise<SleeperVisit | undefined> {
  const { engine, log } = origins;
  await using stack = new AsyncDisposableStack();
  const twinStores = new TwinStores();
  const { vault, stores } = await openTwinVault(stack, { ...origins, openTwinStore: twinStores.open });
  if (stores.lines().some(({ location }) => parseStoreLocation(location).kind === "twin")) return undefined;
  const changes = createChangeHub();
  const settings = createSettings(engine);
  const replica = stack.use(keepReplica({ ...origins, vault, stores, twinStores, settings, changes, log }));
  const owned = stack.move();
  return {
    look: async (signal) => {
      // Who was never walked over is due.
      await lookAfterVault({ vault, changes, clock: systemClock }, { sinceMs: 0, signal });
      await vault.compact({ signal });
      await replica.drillIfDue();
    },
    flush: () => replica.flush(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
