// Reads the twin back from its vault: the snapshot that the root record names, then the ticks after it.

import type { Kernels } from "../kernels/kernels.ts";
import { decodeWrites } from "../state/journal-record.ts";
import type { StateWrite } from "../state/state-store.ts";
import type { Locator } from "./locator.ts";
import type { Vault } from "./object.ts";
import type { RootRecord } from "./root-record.ts";
import { decodeSnapshot, type SnapshotFile } from "./snapshot-stream.ts";
import { createTickChain, type Tick, type TickChain } from "./tick.ts";

/** Takes in what is read, in order: later rows replace earlier ones. It counts only when {@link readReplica} has resolved. */
export interface ReplicaSink {
  rows(rows: readonly StateWrite[]): Promise<void>;
  file(file: SnapshotFile): Promise<void>;
}

/** What was read. */
export interface ReplicaContent {
  readonly rows: number;
  readonly files: number;
  readonly ticks: number;
  /** Time of the newest write, or of the root record; in ms since 1970. */
  readonly atMs: number;
}

/**
 * Reads everything into `sink`. Throws `TWIN_OBJECT_UNKNOWN` or `TWIN_OBJECT_LOST` when too few stores
 * answer, `TWIN_SEAL_BROKEN` when the snapshot is not what was stored; the sink's content is worthless then.
 */
export async function readReplica(
  parts: { readonly vault: Pick<Vault, "read" | "notes">; readonly locator: Locator; readonly kernels: Kernels },
  root: RootRecord,
  sink: ReplicaSink,
): Promise<ReplicaContent> {
  const { vault, locator, kernels } = parts;
  const count = { rows: 0, files: 0, ticks: 0, atMs: root.atMs };
  for await (const item of decodeSnapshot(vault.read(root.snapshot), kernels)) {
    if ("file" in item) {
      await sink.file(item.file);
      count.files++;
    } else {
      await sink.rows(item.rows);
      count.rows += item.rows.length;
    }
  }
  const chain = createTickChain(Uint8Array.fromHex(root.epoch), locator, kernels);
  for (let previous: Uint8Array | undefined; ; count.ticks++) {
    const tick = await readTick(vault.notes, chain, { number: count.ticks, previous });
    if (tick === undefined) return count;
    const writes = decodeWrites(tick.writes);
    await sink.rows(writes);
    count.rows += writes.length;
    count.atMs = Math.max(count.atMs, tick.atMs);
    previous = tick.hash;
  }
}

/** The tick, or undefined at the end. A torn last one was never acknowledged: it is the end too. One that others follow was. */
async function readTick(
  notes: Vault["notes"],
  chain: TickChain,
  { number, previous }: { readonly number: number; readonly previous: Uint8Array | undefined },
): Promise<Tick | undefined> {
  try {
    return chain.decode(number, previous, await notes.get(chain.name(number)));
  } catch (thrown) {
    if ((await notes.get(chain.name(number + 1))).length === 0) return undefined;
    throw thrown;
  }
}
