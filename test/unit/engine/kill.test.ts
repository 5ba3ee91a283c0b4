import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { openEngine } from "../../../host/engine/open-engine.ts";
import { testIdentity } from "../../support/test-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "twin-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("messages take effect exactly once and in order, whenever the process is killed", async () => {
  const ledger = join(folder, "ledger");
  const done = (): number => statSync(ledger, { throwIfNoEntry: false })?.size ?? 0;
  for (const enough of [5, 25]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "delivery-loop.ts"), folder, ledger], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    while (done() < enough && child.exitCode === null) await sleep(5);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const acknowledged = done();
  expect(acknowledged).toBeGreaterThanOrEqual(25);
  await using engine = await openEngine({
    folder,
    twin: testIdentity(1).id,
    stateKey: new Uint8Array(32).fill(5),
    log: silentLog,
  });
  const events = await engine.events({ afterSequence: 0 });
  // Sequences of events and texts of messages both count 1, 2, 3: none lost, none twice, none out of order.
  expect(events.map(({ sequence, payload }) => [sequence, payload])).toEqual(
    events.map((_, index) => [index + 1, JSON.stringify(`message ${index + 1}`)]),
  );
  // At each of the two kills one more may have been done than could be noted.
  expect(events.length - acknowledged).toBeGreaterThanOrEqual(0);
  expect(events.length - acknowledged).toBeLessThanOrEqual(2);
  expect(await engine.status()).toMatchObject({ calls: events.length, errors: 0 });
});
