// How an engine core does each of the operations that the main thread asks for.

import { TwinError } from "../base/errors.ts";
import type { StateWrite } from "../state/state-store.ts";
import type { InstalledCapability } from "../packages/manifest.ts";
import { type CapabilityRecord, describeCapability, unknownCapability } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import {
  installCapability,
  listRemoved,
  readPackageFile,
  removeCapability,
  restoreCapability,
} from "./installation.ts";
import { keptVersions } from "./installation-history.ts";
import { rollBackCapability, upgradeCapability } from "./installation-upgrade.ts";
import { deliverMessage } from "./message-delivery.ts";
import { keepPackagePolicy, readPackagePolicy } from "./package-rule.ts";
import { replayCall } from "./replay.ts";
import { readStateRows } from "./state-rows.ts";
import type { OperationAnswer, OperationArgs, OperationName } from "./operations.ts";

/** How a request came. */
interface OperationContext {
  /** How long it has waited. */
  readonly queueMs: number;
  /** Makes a signal that aborts when nobody waits for the answer any more. */
  readonly signal?: (() => AbortSignal) | undefined;
}

/** Does one operation; its answer is durable. */
export type Operation<Name extends OperationName> = (
  core: EngineCore,
  args: OperationArgs<Name>,
  context: OperationContext,
) => Promise<OperationAnswer<Name>>;

/** Tables that only the engine itself writes: their rows depend on each other. */
const OWN_TABLES: ReadonlySet<string> = new Set([
  "$answers",
  "$answers-order",
  "$capabilities",
  "$events",
  "$grants",
  "$inbox",
  "$kept-grants",
  "$kept-records",
  "$outbox",
  "$outbox-peers",
  "$package-hashes",
  "$parked",
  "$receipt-pages",
  "$receipt-sums",
  "$recorded",
  "$recordings",
  "$reviewers",
  "$timers",
  "$timers-due",
  "$totals",
]);

/** Every operation by its name. */
export const ENGINE_OPERATIONS: { readonly [Name in OperationName]: Operation<Name> } = {
  call: (core, request, { queueMs, signal }) => core.call(request, queueMs, signal),
  deliver: (core, message, { queueMs }) => deliverMessage(core, message, queueMs),
  install: (core, packageBytes) => installCapability(core, packageBytes),
  upgrade: (core, request) => upgradeCapability(core, request),
  rollBack: (core, request) => rollBackCapability(core, request),
  remove: async (core, capability) => {
    await removeCapability(core, capability);
    return undefined;
  },
  restore: (core, capability) => restoreCapability(core, capability),
  capabilities: (core) => core.whenDurable(() => core.register.list().map((record) => listCapability(core, record))),
  removed: (core) => core.whenDurable(() => listRemoved(core)),
  packageFile: async (core, capability) => readPackageFile(core, capability),
  packagePolicy: (core) => core.whenDurable(() => readPackagePolicy(core.store)),
  setPackagePolicy: async (core, policy) => {
    await core.commit([keepPackagePolicy(policy)]);
    return undefined;
  },
  grants: (core) => core.whenDurable(() => [...core.grants.list()]),
  grant: async (core, request) => {
    const capability = core.register.resolve(request.capability)?.name ?? request.capability;
    const { grant, write } = core.grants.prepare({ ...request, capability }, core.clock.nowMs());
    await commitGrants(core, write);
    return grant;
  },
  revoke: async (core, grantId) => {
    await commitGrants(core, core.grants.prepareRevoke(grantId));
    return undefined;
  },
  receipts: async (core, query) => {
    await core.flush();
    return core.receipts.list(query);
  },
  receiptSums: async (core, query) => {
    await core.flush();
    return core.receipts.sums(query);
  },
  recordCalls: async (core, { capability, count }) => {
    if (count > 0 && core.register.find(capability) === undefined) throw unknownCapability();
    await core.commit(core.recordings.set(capability, count));
    return undefined;
  },
  recordings: (core) => core.whenDurable(() => core.recordings.list()),
  replay: async (core, receipt) => {
    // Recordings of queries may still wait.
    await core.flush();
    const recording = core.recordings.find(receipt);
    return replayCall(recording, core.shelf.program(recording.moduleHash).compiled, core.kernels);
  },
  events: (core, query) => core.whenDurable(() => core.events.list(query)),
  outboxPeers: (core) => core.whenDurable(() => core.outbox.peers()),
  outbox: (core, { peer, ...query }) => Promise.resolve(core.outbox.page(peer, query)),
  settle: async (core, { peer, ...settlement }) => {
    await core.commit(core.outbox.settle(peer, settlement, core.clock.nowMs()));
    return undefined;
  },
  parked: (core) => core.whenDurable(() => core.outbox.parked()),
  readTable: async (core, range) => {
    checkTable(range.namespace);
    return core.whenDurable(() => core.store.scan(range));
  },
  writeTable: async (core, writes) => {
    for (const { namespace } of writes) {
      checkTable(namespace);
      if (OWN_TABLES.has(namespace) || /^\$(?:links|kept|kept-links):/u.test(namespace)) {
        throw notYours(namespace, "the engine's own");
      }
    }
    await core.commit(writes);
    return undefined;
  },
  stateRows: async (core, after) => readStateRows(core.store, after),
  status: (core) => core.whenDurable(() => core.status()),
  close: async (core) => {
    await core.close();
    return undefined;
  },
};

async function commitGrants(core: EngineCore, write: StateWrite): Promise<void> {
  const durable = core.commit([write]);
  // In force at once: a revoked grant decides no call that comes after.
  core.grants.reload();
  await durable;
}

/** What the owner sees of it, with what a rollback could bring. */
function listCapability(core: EngineCore, record: CapabilityRecord): InstalledCapability {
  const kept = keptVersions(core.store, record.name);
  return {
    ...describeCapability(record),
    keptVersions: kept.map(({ record: { manifest }, leftAtMs }) => ({ version: manifest.version, leftAtMs })),
  };
}

function checkTable(namespace: string): void {
  if (!namespace.startsWith("$")) throw notYours(namespace, "a capability's");
}

function notYours(namespace: string, whose: string): TwinError {
  return new TwinError(
    "TWIN_INPUT_INVALID",
    `The table ${namespace} is ${whose}; host tables have other names that begin with $.`,
  );
}
