// The vault as the other rooms see it: lifetimes, gates and totals around puts, reads and scrubs.

import { createGate } from "./gate.ts";
import { LIMITS } from "../base/limits.ts";
import { base58Encode } from "../identity/base58.ts";
import { putBatches } from "./batch-writer.ts";
import { forgetObject } from "./make-known.ts";
import { createNoteBoard } from "./note-board.ts";
import type { ObjectInfo, StoreStatus, Vault, VaultStatus } from "./object.ts";
import { decodeObjectId } from "./object-id.ts";
import { readObject } from "./object-reader.ts";
import { putObject } from "./object-writer.ts";
import { createPace } from "./pace.ts";
import { marginOf } from "./census.ts";
import { shardCountOf } from "./segment.ts";
import { createSharedTail } from "./shared-tail.ts";
import { createStoreRack } from "./store-rack.ts";
import { storeNamed, type VaultParts } from "./vault-parts.ts";
import { createVaultWalks } from "./vault-walks.ts";
import { findUnreadable, findWeakest } from "./weakest-object.ts";

/** Offers `parts` as a {@link Vault}. Disposing it ends what is at work and waits for that. */
export function createVaultDoor(parts: VaultParts): Vault {
  const closing = new AbortController();
  const atWork = new Set<Promise<unknown>>();
  const puts = createGate(LIMITS.vault.putCount);
  const tail = createSharedTail(parts);
  let putsAtWork = 0;
  const signalOf = (signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);

  async function tracked<T>(work: Promise<T>): Promise<T> {
    atWork.add(work);
    try {
      return await work;
    } finally {
      atWork.delete(work);
    }
  }

  async function putting<T>(work: () => Promise<T>): Promise<T> {
    putsAtWork++;
    try {
      return await tracked(puts(work));
    } finally {
      putsAtWork--;
    }
  }

  const { report, drain, ...walks } = createVaultWalks(parts, { tracked, signalOf });
  return {
    put: (source, meta = {}, { signal, ...options } = {}) =>
      putting(() => putObject(parts, tail, { ...options, source, meta, signal: signalOf(signal) })),
    putMany: (source, { signal, compress, onStored = () => {} } = {}) =>
      putting(() => parts.largePuts(() => putBatches(parts, { source, compress, onStored, signal: signalOf(signal) }))),
    async stat(id) {
      return infoOf(parts, decodeObjectId(id));
    },
    async forget(id) {
      const root = decodeObjectId(id);
      return root !== undefined && (await tracked(forgetObject(parts, root)));
    },
    async find(select) {
      const found: ObjectInfo[] = [];
      for (const { id, record } of parts.index.objects()) {
        const info = { id: base58Encode(id), ...record, durability: "dispersed" } as const;
        if (select(info)) found.push(info);
      }
      return found;
    },
    async findUnreadable(select) {
      const answers = answersOf(await parts.marks.check());
      return await tracked(findUnreadable(parts, { answers, select }, createPace(parts.clock)));
    },
    read: (id, range = {}, { signal } = {}) => readObject(parts, { id, ...range, signal: signalOf(signal) }),
    ...walks,
    status: async () => ({ ...(await statusOf(parts)), putsAtWork, ...report() }),
    notes: createNoteBoard(parts),
    stores: { ...createStoreRack(parts), drain },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.allSettled(atWork);
      // What blame or a late change still writes goes through the gate: behind it, the index is quiet.
      await parts.changes(async () => {});
    },
  };
}

function infoOf({ index }: VaultParts, id: Uint8Array | undefined): ObjectInfo | undefined {
  const record = id && index.object(id);
  return id && record && { id: base58Encode(id), ...record, durability: "dispersed" };
}

/** Whether a store has what it should, by what is wrong with each. */
function answersOf(problems: ReadonlyMap<string, string | undefined>): (store: string) => boolean {
  return (store) => problems.has(store) && problems.get(store) === undefined;
}

async function statusOf(parts: VaultParts): Promise<Omit<VaultStatus, "putsAtWork">> {
  const { census, code, stores, index } = parts;
  const problems = await parts.marks.check();
  const answers = answersOf(problems);
  const domainOf = (store: string): string => storeNamed(stores, store)?.domain ?? store;
  const { margin, domainMargin, degradedSegments } = census.margin(answers, domainOf);
  const healthy = stores.filter(({ name, isDraining }) => answers(name) && !isDraining);
  return {
    ...code,
    ...census.objects,
    segmentCount: census.segmentCount,
    quotaBytes: parts.quota.bytes,
    stores: stores.map(({ name, domain, isDraining, capacityBytes }): StoreStatus => {
      const problem = problems.get(name);
      return {
        name,
        domain,
        healthy: answers(name),
        draining: isDraining,
        ...census.usage(name),
        capacityBytes,
        problem,
      };
    }),
    // Without segments: what the first one will have.
    margin: margin ?? Math.min(code.parityShards, healthy.length - code.dataShards),
    domainMargin:
      domainMargin ?? marginOf(healthy.map(({ domain }) => domain).slice(0, shardCountOf(code)), code.dataShards),
    degradedSegments,
    weakest: degradedSegments > 0 ? findWeakest(parts, answers) : undefined,
    lastScrub: index.report(),
  };
}
