// A process that receives messages until it is killed; one byte in the ledger for each that was done.

import { openSync, writeSync } from "node:fs";
import { jsonEncode } from "../../../host/base/bytes.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { Delivery, Engine } from "../../../host/engine/engine.ts";
import { openEngine } from "../../../host/engine/open-engine.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const [, , folder, ledgerPath] = process.argv;
const ledger = openSync(ledgerPath!, "a");

function deliver(engine: Engine, sequence: number): Promise<Delivery> {
  const payload = jsonEncode(`message ${sequence}`);
  const to = { circles: ["contacts"], capability: "probe", method: "receive" };
  return engine.deliver({ from: testIdentity(2).id, sequence, payload, ...to });
}

const engine = await openEngine({
  folder: folder!,
  twin: testIdentity(1).id,
  stateKey: new Uint8Array(32).fill(5),
  log: silentLog,
});
await engine.install(probePackage());
const gap = await deliver(engine, 1_000_000);
let next = gap.status === "gap" ? gap.expected : 0;
for (;;) {
  // The one before comes again each time, as from a sender that lost the answer.
  const [again, fresh] = await Promise.all([deliver(engine, Math.max(1, next - 1)), deliver(engine, next)]);
  if (again.status !== "done" || fresh.status !== "done") throw new Error("not done");
  writeSync(ledger, ".");
  next += 1;
}
