// A sample of what the stores hold: the same 128 bytes of every shard of some segments, at a place that nobody can
// foresee, which must fit together by the erasure code. So a store proves that it has its shards for a few hundred
// bytes each, without anything kept beforehand, and without end: a shard that is gone, rotten or made up is found.

import { equalBytes } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { throwIfAborted } from "./abortable.ts";
import type { SampleReport } from "./object.ts";
import { shardCountOf } from "./segment.ts";
import { CODE_STRIPE_SIZE } from "./segment-reader.ts";
import { type Blame, createShardReader, type ShardReader } from "./shard-reader.ts";
import type { SegmentRecord } from "./vault-index.ts";
import { changeSegment, storeNamed, type VaultParts } from "./vault-parts.ts";

type Pieces = (Uint8Array | undefined)[];

/** Looks into `count` segments, all when there are fewer; see `Vault.sample`. */
export async function sampleVault(
  parts: VaultParts,
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
): Promise<SampleReport> {
  const report = { segments: 0, unchecked: 0, shardsMissing: 0, shardsCorrupt: 0 };
  for (const { id } of pickSegments(parts, count)) {
    throwIfAborted(signal);
    const record = parts.index.segment(id);
    if (record === undefined) continue;
    const { isChecked, blames } = await sampleSegment(parts, record);
    const corrupt = [...blames.values()].filter((blame) => blame === "corrupt").length;
    report.segments++;
    report.unchecked += isChecked ? 0 : 1;
    report.shardsCorrupt += corrupt;
    report.shardsMissing += blames.size - corrupt;
    if (blames.size === 0) continue;
    parts.log.warn({ segment: id, shards: [...blames.keys()] }, "a sample found shards that do not hold");
    await changeSegment(parts, id, (current) => ({
      ...current,
      absent: [...new Set([...current.absent, ...blames.keys()])].toSorted((left, right) => left - right),
    }));
  }
  return report;
}

/** Compares one stripe of all shards that are expected to be there. */
async function sampleSegment(
  parts: VaultParts,
  record: SegmentRecord,
): Promise<{ readonly isChecked: boolean; readonly blames: ReadonlyMap<number, Blame> }> {
  const blames = new Map<number, Blame>();
  const reader = createShardReader({
    seal: parts.seal,
    store: (name) => storeNamed(parts.stores, name),
    onBlame: (_segment, index, blame) => blames.set(index, blame),
  });
  const offset = below(parts.random, record.shardSize / CODE_STRIPE_SIZE) * CODE_STRIPE_SIZE;
  const pieces: Pieces = await Promise.all(
    [...record.stores.keys()].map(async (index) =>
      reader.isTrusted(record, index)
        ? await reader.fetchPiece(record, { index, offset, sizeBytes: CODE_STRIPE_SIZE })
        : undefined,
    ),
  );
  const given = pieces.filter((piece) => piece !== undefined);
  if (given.every(({ length }) => length === CODE_STRIPE_SIZE)) {
    if (given.length <= record.dataShards) return { isChecked: false, blames };
    if (fitTogether(parts, record, pieces)) return { isChecked: true, blames };
  }
  await blameLeaves(reader, record, { pieces, leaf: Math.floor(offset / LIMITS.vault.leafSizeBytes) });
  return { isChecked: true, blames };
}

/** Whether the pieces beyond the first k are what these make them. */
function fitTogether({ seal }: Pick<VaultParts, "seal">, record: SegmentRecord, pieces: Pieces): boolean {
  const sources = [...pieces.keys()].filter((index) => pieces[index] !== undefined).slice(0, record.dataShards);
  const code = seal.kernels.createErasureCode(record.dataShards, record.parityShards);
  const column: Pieces = Array.from({ length: shardCountOf(record) });
  for (const index of sources) column[index] = pieces[index];
  const whole = code.reconstruct(column);
  return pieces.every((piece, index) => piece === undefined || equalBytes(piece, whole[index]!));
}

/** Somebody's piece is wrong: the leaf around it says whose. */
async function blameLeaves(
  reader: ShardReader,
  record: SegmentRecord,
  { pieces, leaf }: { readonly pieces: Pieces; readonly leaf: number },
): Promise<void> {
  const asked = [...pieces.keys()].filter((index) => pieces[index] !== undefined);
  await Promise.all(asked.map((index) => reader.fetchLeaves(record, { index, first: leaf, count: 1 })));
}

/** Each segment with the same chance (reservoir sampling: one walk, whatever their number). */
function pickSegments({ index, random }: Pick<VaultParts, "index" | "random">, count: number): SegmentRecord[] {
  const picked: SegmentRecord[] = [];
  let met = 0;
  for (const record of index.segments()) {
    met++;
    if (picked.length < count) picked.push(record);
    else {
      const at = below(random, met);
      if (at < count) picked[at] = record;
    }
  }
  return picked;
}

/** A whole number below `count`, up to 2^40, near enough to uniform for sampling. */
function below(random: Random, count: number): number {
  return random.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0) % count;
}
