// Runs an engine in a process whose files the system keeps from growing: what SQLite does then is real.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { openEngines } from "../../../host/engine/open-engines.ts";
import type { FullDiskReport } from "../../support/full-disk-child.ts";
import { testIdentity } from "../../support/test-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "twin-full-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of 512 bytes: room for a segment of the journal, not for the tables' log. */
const FILE_BLOCKS = 9_000;

test("a twin whose tables find no room goes on with its journal, is opened again with what is there, and has it all later", async () => {
  const child = join(import.meta.dirname, "../../support/full-disk-child.ts");
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    `ulimit -f ${FILE_BLOCKS} && exec "$0" "$@"`,
    process.execPath,
    child,
    folder,
  ]);
  const { refusals, acknowledged, reopened } = JSON.parse(stdout) as FullDiskReport;
  expect(refusals).toBeGreaterThan(0);
  expect(acknowledged).toBe(81);
  expect(reopened).toBe(acknowledged);
  await using engines = await openEngines({ folder: join(folder, "journals"), log: silentLog });
  const stateKey = new Uint8Array(32).fill(5);
  const engine = await engines.open({ folder: join(folder, "twin"), twin: testIdentity(1).id, stateKey });
  const rows = await engine.readTable({ namespace: "$settings", start: new Uint8Array(), limit: 100 });
  expect(rows.map(({ key, value }) => [key[0], value.at(-1), value.length])).toEqual(
    Array.from({ length: acknowledged }, (_, index) => [index, index, 100_000]),
  );
  await engine.writeTable([{ namespace: "$settings", key: Uint8Array.of(200), value: Uint8Array.of(1) }]);
});
