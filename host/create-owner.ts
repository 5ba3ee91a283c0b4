// The owner's parts of a twin of a host: what browsers and the local socket get.

import { systemClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { exportTwin } from "./export-twin.ts";
import { readVersion } from "./installation.ts";
import type { OpenLanes } from "./kernels/open-lanes.ts";
import type { OpenTwin } from "./open-twin.ts";
import { createPackageExchange } from "./package-exchange.ts";
import type { Peers } from "./peers/peers.ts";
import { createPhonebookPart } from "./phonebook-part.ts";
import type { ChangeHub } from "./rpc/change-hub.ts";
import type { ControlParts } from "./rpc/control-target.ts";
import type { TwinWebParts } from "./web/twin-web.ts";
import { createOwnerKeys, type OwnerKeys } from "./web/owner-keys.ts";

/** What the host gives the owner beside the twin. */
export interface OwnerOrigins extends Pick<
  ControlParts,
  "others" | "brokenTwins" | "replica" | "drill" | "metrics" | "loginLink"
> {
  readonly lanes: OpenLanes;
  readonly peers?: Peers | undefined;
  readonly changes: ChangeHub;
  readonly log: Log;
  /** Empty when no browser is served. */
  readonly webUrl: () => string;
}

/** The parts of one twin's owner, with the keys of their browsers. */
export type Owner = ControlParts & { readonly browsers: OwnerKeys };

/** The owner of `twin`. */
export function createOwner(twin: OpenTwin, origins: OwnerOrigins): Owner {
  const { lanes, peers, changes, log } = origins;
  const { engine, vault, stores, shelf, identity, name, folder } = twin;
  const own = { clock: systemClock, random: systemRandom };
  return {
    about: {
      twin: identity.id,
      version: readVersion(),
      startedAtMs: systemClock.nowMs(),
      name: () => name,
      webUrl: origins.webUrl,
      kernels: {
        lanesChosenBy: lanes.chosenBy,
        lanes: lanes.lanes.table,
        workersChosenBy: lanes.workers.chosenBy,
        workers: lanes.workers.count,
      },
      memorySizeBytes: () => process.memoryUsage.rss(),
    },
    engine,
    vault,
    stores,
    peers,
    packages: createPackageExchange({ shelf: twin.offers, kernels: twin.kernels, peers }),
    experiences: shelf,
    browsers: createOwnerKeys({ engine, clock: systemClock }),
    changes,
    ...own,
    log,
    holder: twin.holder,
    phonebook: createPhonebookPart({ twin, peers }),
    exportTo: (path, onProgress) => exportTwin({ ...twin, ...own, folder }, path, onProgress),
    others: origins.others,
    brokenTwins: origins.brokenTwins,
    replica: origins.replica,
    drill: origins.drill,
    metrics: origins.metrics,
    loginLink: origins.loginLink,
  };
}

/** What browsers get of it. */
export function webPartsOf({ shelf }: Pick<OpenTwin, "shelf">, owner: Owner): TwinWebParts {
  return { owner, ownerKeys: owner.browsers, experienceFile: (name, path) => shelf.file(name, path) };
}
