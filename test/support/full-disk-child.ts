// A process whose files cannot grow beyond a limit that its shell has set: it fills a twin's tables beyond
// that, puts the twin away and opens it again. Tells what happened as one line of JSON.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Log, silentLog } from "../../host/base/log.ts";
import { openEngines } from "../../host/engine/open-engines.ts";
import { testIdentity } from "./test-identity.ts";

/** What the process tells. */
export interface FullDiskReport {
  /** How often SQLite has refused to take what the journal had. */
  readonly refusals: number;
  /** Commits that were acknowledged, before and after the first refusal. */
  readonly acknowledged: number;
  /** Rows that the twin has after it was put away and opened again. */
  readonly reopened: number;
}

const ROWS = 80;
const ROW_SIZE = 100_000;
const [folder] = process.argv.slice(2) as [string];

let refusals = 0;
const refused = Promise.withResolvers<void>();
const log: Log = {
  ...silentLog,
  error: (_, message) => {
    if (!message.startsWith("The tables could not be brought up to date")) return;
    refusals += 1;
    refused.resolve();
  },
};
const twin = { folder: join(folder, "twin"), twin: testIdentity(1).id, stateKey: new Uint8Array(32).fill(5) };
mkdirSync(twin.folder, { recursive: true });
const engines = await openEngines({ folder: join(folder, "journals"), log });
const engine = await engines.open(twin);
let acknowledged = 0;
const commit = async (): Promise<void> => {
  const value = new Uint8Array(ROW_SIZE).fill(acknowledged);
  await engine.writeTable([{ namespace: "$settings", key: Uint8Array.of(acknowledged), value }]);
  acknowledged += 1;
};
for (let row = 0; row < ROWS; row++) await commit();
await refused.promise;
await commit();
await engine[Symbol.asyncDispose]();
const again = await engines.open(twin);
const rows = await again.readTable({ namespace: "$settings", start: new Uint8Array(), limit: 2 * ROWS });
process.stdout.write(JSON.stringify({ refusals, acknowledged, reopened: rows.length } satisfies FullDiskReport));
process.exit();
