// Work that walks over many segments: one at a time, with progress that the status shows.

import { compactVault } from "./compact.ts";
import { createGate } from "./gate.ts";
import type { DrainOptions, DrainReport, Progress, Vault, VaultStatus, VaultWork } from "./object.ts";
import { sampleVault } from "./sample.ts";
import { repairVault, scrubVault } from "./scrub.ts";
import { drainStore } from "./store-rack.ts";
import type { VaultParts } from "./vault-parts.ts";
import { createWorkBoard } from "./work-board.ts";

/** The walks of one vault. */
export interface VaultWalks extends Pick<Vault, "scrub" | "repair" | "compact" | "sample"> {
  readonly drain: (name: string, options?: DrainOptions) => Promise<DrainReport>;
  /** What the status tells of them. */
  readonly report: () => Pick<VaultStatus, "work" | "lastSample">;
}

/** How the vault's lifetime is kept around work. */
export interface Lifetime {
  readonly tracked: <T>(work: Promise<T>) => Promise<T>;
  /** Aborts with the given signal, and when the vault closes. */
  readonly signalOf: (signal: AbortSignal | undefined) => AbortSignal;
}

interface WalkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
}

/** Walks over `parts`. */
export function createVaultWalks(parts: VaultParts, { tracked, signalOf }: Lifetime): VaultWalks {
  const gate = createGate(1);
  const board = createWorkBoard(parts.clock);
  let lastSample: VaultStatus["lastSample"];

  const walk = <T>(
    kind: VaultWork["kind"],
    { signal, onProgress }: WalkOptions,
    work: (options: { readonly signal: AbortSignal; readonly onProgress: Progress }) => Promise<T>,
  ): Promise<T> =>
    tracked(
      gate(() => board.run(kind, onProgress, (report) => work({ signal: signalOf(signal), onProgress: report }))),
    );

  return {
    scrub: (options = {}) => walk("scrub", options, (own) => scrubVault(parts, own)),
    repair: (options = {}) => walk("repair", options, (own) => repairVault(parts, own)),
    compact: (options = {}) => walk("compaction", options, (own) => compactVault(parts, own)),
    drain: (name, options = {}) => walk("drain", options, (own) => drainStore(parts, name, { ...options, ...own })),
    async sample(count, { signal } = {}) {
      const report = await tracked(sampleVault(parts, { count, signal: signalOf(signal) }));
      lastSample = { ...report, finishedAtMs: parts.clock.nowMs() };
      return report;
    },
    report: () => ({ work: board.current(), lastSample }),
  };
}
