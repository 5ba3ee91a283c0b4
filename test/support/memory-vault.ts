// The vault's contract over a map. The id is a hash of the content and its description.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";

import { concatBytes } from "../../host/base/bytes.ts";
import { TwinError } from "../../host/base/errors.ts";
import { base58Encode } from "../../host/identity/base58.ts";
import type { ObjectInfo, Vault } from "../../host/vault/object.ts";

/** A vault that forgets everything. `reads` counts reads that have begun and not ended. */
export function createMemoryVault(): Vault & { readonly objectCount: number; readonly openReads: number } {
  const objects = new Map<string, { readonly info: ObjectInfo; readonly bytes: Uint8Array }>();
  let openReads = 0;
  return {
    get objectCount() {
      return objects.size;
    },
    get openReads() {
      return openReads;
    },
    put: async (source, meta = {}, { signal, onProgress, after } = {}) => {
      const before = after === undefined ? new Uint8Array(0) : objects.get(after)?.bytes;
      if (before === undefined) throw new TwinError("TWIN_OBJECT_UNKNOWN", "No such object.");
      const parts: Uint8Array[] = [before];
      let sizeBytes = before.length;
      for await (const part of source) {
        signal?.throwIfAborted();
        parts.push(part.slice());
        sizeBytes += part.length;
        onProgress?.(sizeBytes, undefined);
      }
      signal?.throwIfAborted();
      const bytes = concatBytes(...parts);
      const id = base58Encode(createHash("sha256").update(`${meta.type} ${meta.name} `).update(bytes).digest());
      const info: ObjectInfo = {
        id,
        sizeBytes: bytes.length,
        type: meta.type ?? "application/octet-stream",
        name: meta.name ?? "",
        durability: "dispersed",
      };
      objects.set(id, { info, bytes });
      return info;
    },
    async putMany(source, { signal, onStored } = {}) {
      for await (const { bytes, meta } of source) {
        await onStored?.([await this.put(Readable.from([bytes]), meta, { signal })]);
      }
    },
    stat: async (id) => objects.get(id)?.info,
    read: async function* read(id, { offset = 0, sizeBytes } = {}, { signal } = {}) {
      const found = objects.get(id);
      if (found === undefined) throw new TwinError("TWIN_OBJECT_UNKNOWN", "No such object.");
      openReads++;
      try {
        const end = sizeBytes === undefined ? found.bytes.length : offset + sizeBytes;
        for (let at = offset; at < end; at += 65_536) {
          signal?.throwIfAborted();
          yield found.bytes.slice(at, Math.min(at + 65_536, end));
        }
      } finally {
        openReads--;
      }
    },
    forget: async (id) => objects.delete(id),
    find: async (select) => [...objects.values()].map(({ info }) => info).filter(select),
    findUnreadable: async () => undefined,
    sample: async (count) => ({ segments: count, unchecked: 0, shardsMissing: 0, shardsCorrupt: 0 }),
    compact: async () => ({ segments: 0, blocksMoved: 0, freedBytes: 0 }),
    repair: async () => ({ segments: 0, shardsRepaired: 0, segmentsLost: 0 }),
    scrub: async ({ onProgress } = {}) => {
      for (let done = 1; done <= 3; done++) onProgress?.(done, 3);
      return {
        finishedAtMs: 0,
        segments: 3,
        shardsChecked: 18,
        shardsMissing: 0,
        shardsCorrupt: 0,
        shardsRepaired: 0,
        segmentsLost: 0,
        margin: 2,
      };
    },
    status: async () => ({
      dataShards: 4,
      parityShards: 2,
      objectCount: objects.size,
      segmentCount: 0,
      sizeBytes: 0,
      stores: [],
      margin: 2,
      domainMargin: 0,
      degradedSegments: 0,
      putsAtWork: 0,
    }),
    notes: {
      needed: 1,
      put: async () => {},
      get: async () => [],
      look: async () => ({ copies: [], answered: 0 }),
      delete: async () => false,
    },
    stores: {
      add: async () => {},
      drain: async () => ({ moved: 0, left: 0 }),
      keep: async () => {},
      setQuota: () => {},
      remove: async () => {},
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
