// What a loss of power does to the files of a killed process: the end of what was never synced is torn.

import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../host/base/limits.ts";
import { decodeGroup } from "../../host/state/journal-group.ts";
import { referenceKernels } from "./reference-kernels.ts";

const SECTOR = 512;

/** Writes garbage where the next group of the journal in `folder` would stand. */
export function tearJournal(folder: string, below: (max: number) => number): void {
  const last = readdirSync(folder)
    .filter((name) => name.endsWith(".journal"))
    .toSorted()
    .at(-1);
  if (last === undefined) return;
  const bytes = readFileSync(join(folder, last));
  let end = 0;
  let next = Number.parseInt(last, 10);
  for (;;) {
    const group = decodeGroup(bytes, end, referenceKernels);
    if (group?.number !== next || group.damaged.size > 0) break;
    ({ end } = group);
    next += 1;
  }
  // A torn group: its first sectors as they were meant, and nothing of the rest.
  const torn = Buffer.concat([bytes.subarray(0, SECTOR).fill(below(256), below(SECTOR)), randomSector(below)]);
  const file = openSync(join(folder, last), "r+");
  writeSync(file, torn, 0, torn.length, end);
  closeSync(file);
}

/** Cuts or damages the last page of SQLite's log, if nothing of it can have been needed to mend the tables. */
export function tearTables(path: string, below: (max: number) => number): void {
  const log = `${path}-wal`;
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  // A longer one may be on its way into the tables: it was synced before.
  if (size === 0 || size > LIMITS.state.checkpointSizeBytes) return;
  const file = openSync(log, "r+");
  const at = Math.max(0, size - 1 - below(4_096));
  if (below(2) === 0) ftruncateSync(file, at);
  else writeSync(file, randomSector(below), 0, Math.min(SECTOR, size - at), at);
  closeSync(file);
}

function randomSector(below: (max: number) => number): Uint8Array {
  return Uint8Array.from({ length: SECTOR }, () => below(256));
}
