// Walks every shard of every segment, makes missing and corrupt ones again where they belong, and counts
// by reading what it made. What it reports was read, not assumed. A repair does so for what is known to want it.

import { LIMITS } from "../base/limits.ts";
import { throwIfAborted } from "./abortable.ts";
import type { Progress, RepairReport, ScrubReport } from "./object.ts";
import { listOrphans, sweepOrphans } from "./orphans.ts";
import { createRepairTools, repairSegment } from "./repair.ts";
import { followStrays } from "./strays.ts";
import { indexWrites, type SegmentRecord } from "./vault-index.ts";
import { storeNamed, type VaultParts } from "./vault-parts.ts";

/** While one segment is computed and another one read, what was made of a third is written. */
const SEGMENTS_AT_ONCE = 3;

/** Scrubs the whole vault; see `Vault.scrub`. */
export async function scrubVault(
  parts: VaultParts,
  options: { readonly signal: AbortSignal; readonly onProgress?: Progress | undefined },
): Promise<ScrubReport> {
  using tools = createRepairTools(parts);
  const wanting = new Set<string>();
  const totals = {
    segments: 0,
    shardsChecked: 0,
    shardsMissing: 0,
    shardsCorrupt: 0,
    shardsRepaired: 0,
    segmentsLost: 0,
  };
  const check = (): Promise<void> => parts.index.check(tools.pace);
  // What was changed meanwhile may have been seen half: then once more, while nothing is.
  await check().catch(() => parts.changes(check));
  await parts.marks.beginTrial();
  const orphans = await listOrphans(parts, options.signal);
  await followStrays(parts, orphans);
  await someAtOnce(parts.index.segments(), async (record) => {
    throwIfAborted(options.signal);
    const finding = await repairSegment(parts, record, tools);
    totals.segments++;
    totals.shardsChecked += finding.checked;
    totals.shardsMissing += finding.missing;
    totals.shardsCorrupt += finding.corrupt;
    totals.shardsRepaired += finding.repaired;
    totals.segmentsLost += finding.isLost ? 1 : 0;
    for (const store of finding.wanting) wanting.add(store);
    options.onProgress?.(totals.segments, Math.max(totals.segments, parts.census.segmentCount));
  });
  await parts.marks.endTrial((store) => !wanting.has(store));
  await sweepOrphans(parts, orphans);
  await dropOldMemories(parts);
  const report = { finishedAtMs: parts.clock.nowMs(), ...totals, margin: await countMargin(parts) };
  await parts.index.commit([indexWrites.report(report)]);
  parts.log.info(report, "scrubbed");
  return report;
}

/** Repairs what is known to want it; see `Vault.repair`. */
export async function repairVault(
  parts: VaultParts,
  options: { readonly signal: AbortSignal; readonly onProgress?: Progress | undefined },
): Promise<RepairReport> {
  using tools = createRepairTools(parts);
  const isWanting = ({ absent, stores }: SegmentRecord): boolean =>
    absent.length > 0 || stores.some((name) => storeNamed(parts.stores, name) === undefined);
  const wanting = [...parts.index.segments()].filter(isWanting).map(({ id }) => id);
  const report = { segments: 0, shardsRepaired: 0, segmentsLost: 0 };
  await someAtOnce(wanting, async (id) => {
    throwIfAborted(options.signal);
    const record = parts.index.segment(id);
    if (record === undefined) return;
    const finding = await repairSegment(parts, record, tools);
    report.segments++;
    report.shardsRepaired += finding.repaired;
    report.segmentsLost += finding.isLost ? 1 : 0;
    options.onProgress?.(report.segments, wanting.length);
  });
  return report;
}

/** Acts on all items, on some of them at a time. Throws when one fails; no further one is begun then. */
async function someAtOnce<T>(items: Iterable<T>, act: (item: T) => Promise<void>): Promise<void> {
  // A generator of our own: the first walk that throws ends it for all.
  const queue = (function* () {
    yield* items;
  })();
  const work = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  const walks = await Promise.allSettled(Array.from({ length: SEGMENTS_AT_ONCE }, work));
  const failed = walks.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** Forgets that objects were forgotten, when no shard of theirs can be expected any more. */
async function dropOldMemories({ index, clock, changes }: VaultParts): Promise<void> {
  const oldestMs = clock.nowMs() - LIMITS.vault.forgottenKeptMs;
  const old = [...index.forgottens()].filter(({ atMs }) => atMs < oldestMs);
  await changes(() => index.commit(old.map(({ id }) => indexWrites.forgotten(id, undefined))));
}

async function countMargin({ census, marks, code }: VaultParts): Promise<number> {
  const problems = await marks.check();
  const answers = (store: string): boolean => problems.has(store) && problems.get(store) === undefined;
  return census.margin(answers, (store) => store).margin ?? code.parityShards;
}
