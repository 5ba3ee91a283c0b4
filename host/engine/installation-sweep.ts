// What a removal left behind is deleted when it can no longer be taken back, and so are package files
// that nothing leads to any more.

import { LIMITS } from "../base/limits.ts";
import type { CapabilityRecord } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { forgetTables, keptVersions } from "./installation-history.ts";
import { commitChange } from "./installation-steps.ts";

/** Whether something was removed so long ago that it is to be deleted. */
export function isSweepDue(core: EngineCore): boolean {
  return dueRecords(core).length > 0;
}

/** Deletes what is due. Resolves when that is durable. */
export async function sweepRemoved(core: EngineCore): Promise<void> {
  for (const record of dueRecords(core)) {
    await commitChange(core, [
      ...forgetTables(core.store, record.name),
      ...core.recordings.set(record.name, 0),
      core.register.prepare({ ...record, swept: true }),
    ]);
  }
  sweepPackages(core);
}

/** Deletes the files of packages that are neither installed nor can be gone back to. */
export function sweepPackages({ register, store, packages }: EngineCore): void {
  const hashes = register.rows().flatMap((row) => {
    const kept = keptVersions(store, row.name).map(({ record }) => record.hash);
    return row.swept === true ? kept : [row.hash, ...kept];
  });
  packages.keepOnly(new Set(hashes));
}

function dueRecords({ register, clock }: EngineCore): CapabilityRecord[] {
  const dueAtMs = clock.nowMs() - LIMITS.packages.removedKeptMs;
  return register.rows().filter(({ removedAtMs = Infinity, swept }) => swept !== true && removedAtMs <= dueAtMs);
}
