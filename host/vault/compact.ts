// Segments that hold mostly blocks that nothing uses any more, and crowds of small ones, are made into few full
// ones. The new shards stand before the index speaks of them, in one commit; the old ones are deleted after it. A crash
// in between leaves shards that nothing refers to, which the scrub sweeps.

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { throwIfAborted } from "./abortable.ts";
import { discardShards } from "./dispersal.ts";
import { moveBlocks } from "./make-known.ts";
import type { CompactReport, Progress } from "./object.ts";
import { createPace } from "./pace.ts";
import { createPutSession } from "./put-session.ts";
import { sealedSize } from "./sealed-block.ts";
import { isCompressed, shardCountOf, type SegmentId } from "./segment.ts";
import { headerSize } from "./shard.ts";
import type { SegmentRecord } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Segments whose blocks have less than this are small. */
const SMALL_SIZE = LIMITS.vault.segmentSizeBytes / 4;

/** A segment that is to go, and what of it is to stay. */
interface Candidate {
  readonly record: SegmentRecord;
  readonly live: readonly Uint8Array[];
  /** Of the sealed blocks that stay. */
  readonly liveSize: number;
  /** The same if none were compressed: by this segments are filled, so that what was made of small ones is not small. */
  readonly plainSize: number;
}

/** Compacts the vault; see `Vault.compact`. */
export async function compactVault(
  parts: VaultParts,
  options: { readonly signal: AbortSignal; readonly onProgress?: Progress | undefined },
): Promise<CompactReport> {
  const report = { segments: 0, blocksMoved: 0, freedBytes: 0 };
  const candidates = await findCandidates(parts);
  let done = 0;
  for (const batch of batchesOf(candidates)) {
    throwIfAborted(options.signal);
    const freed = await compactBatch(parts, batch, options.signal);
    report.segments += batch.length;
    report.blocksMoved += batch.reduce((sum, { live }) => sum + live.length, 0);
    report.freedBytes += freed;
    done += batch.length;
    options.onProgress?.(done, candidates.length);
  }
  if (report.segments > 0) parts.log.info(report, "compacted");
  return report;
}

/** Half dead, or one of many that are small. Ones that are being written, or that want repair first, are left alone. */
async function findCandidates(parts: VaultParts): Promise<Candidate[]> {
  const pace = createPace(parts.clock);
  const dead: Candidate[] = [];
  const small: Candidate[] = [];
  for (const record of parts.index.segments()) {
    await pace();
    if (parts.active.has(record.id) || record.absent.length > 0 || record.adopted === true) continue;
    const candidate = candidateOf(parts, record);
    const blocksSize = record.payloadSize - record.tableSize;
    if (candidate.liveSize * 2 < blocksSize) dead.push(candidate);
    else if (candidate.plainSize < SMALL_SIZE) small.push(candidate);
  }
  return small.length > parts.smallSegmentsKept ? [...dead, ...small] : dead;
}

function candidateOf({ index }: Pick<VaultParts, "index">, record: SegmentRecord): Candidate {
  const live: Uint8Array[] = [];
  let liveSize = 0;
  let plainSize = 0;
  for (const id of index.contentOf(record.id)) {
    live.push(id);
    const { sizeBytes, storedBytes } = index.block(id) ?? { sizeBytes: 0, storedBytes: 0 };
    liveSize += sealedSize(storedBytes);
    plainSize += sealedSize(sizeBytes);
  }
  return { record, live, liveSize, plainSize };
}

/** Batches that fill about one segment each: so much is moved by one commit. */
function* batchesOf(candidates: readonly Candidate[]): Generator<Candidate[], void, undefined> {
  let batch: Candidate[] = [];
  let size = 0;
  for (const candidate of candidates) {
    if (batch.length > 0 && size + candidate.plainSize > LIMITS.vault.segmentSizeBytes) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(candidate);
    size += candidate.plainSize;
  }
  if (batch.length > 0) yield batch;
}

/** Moves what is live of the batch. Answers the bytes that this freed in the stores. */
async function compactBatch(parts: VaultParts, batch: readonly Candidate[], signal: AbortSignal): Promise<number> {
  const from = new Set<SegmentId>(batch.map(({ record }) => record.id));
  const pace = createPace(parts.clock);
  // No block counts as standing: each is written anew.
  const session = createPutSession(parts, () => false);
  try {
    for (const id of batch.flatMap(({ live }) => live)) {
      throwIfAborted(signal);
      const place = parts.index.block(id);
      if (place === undefined || !from.has(place.segment)) continue;
      // What was not to be compressed stays so.
      const written = await session.store(place.kind, await parts.blocks.readWhole(id, pace), isCompressed(place));
      if (hexEncode(written) !== hexEncode(id)) {
        throw new TwinError("TWIN_SEAL_BROKEN", `A block of segment ${place.segment} is not the one of its name.`);
      }
    }
    const segments = await session.land();
    const { dropped, spare } = await moveBlocks(parts, segments, from);
    session.release();
    for (const record of [...dropped, ...spare]) await discardShards(parts.dispersal, record);
    const kept = segments.map(({ record }) => record).filter((record) => !spare.includes(record));
    return storedSize(dropped) - storedSize(kept);
  } catch (thrown) {
    await session.abandon();
    throw thrown;
  }
}

function storedSize(records: readonly SegmentRecord[]): number {
  return records.reduce(
    (sum, record) => sum + shardCountOf(record) * (headerSize(record.shardSize) + record.shardSize),
    0,
  );
}
