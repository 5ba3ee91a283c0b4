// What a removal left behind is deleted when it can no longer be taken back, and so are package files
// that nothing leads to any more.

import { LIMITS } from "../base/limits.ts";
import type { EngineCore } from "./engine-core.ts";
import { forgetTables, keptRecord } from "./installation-history.ts";
import { commitChange } from "./installation-steps.ts";

/** Deletes what is due. Resolves when that is durable. */
export async function sweepRemoved(core: EngineCore): Promise<void> {
  const dueAtMs = core.clock.nowMs() - LIMITS.packages.removedKeptMs;
  for (const record of core.register.rows()) {
    if (record.swept === true || (record.removedAtMs ?? Infinity) > dueAtMs) continue;
    await commitChange(core, [
      ...forgetTables(core.store, record.name),
      core.register.prepare({ ...record, swept: true }),
    ]);
  }
  core.packages.keepOnly(hashesInUse(core));
}

function hashesInUse({ register, store }: EngineCore): Set<string> {
  return new Set(
    register.rows().flatMap((row) => {
      const kept = keptRecord(store, row.name);
      return [...(row.swept === true ? [] : [row.hash]), ...(kept === undefined ? [] : [kept.hash])];
    }),
  );
}
