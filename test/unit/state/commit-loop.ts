// A process that commits until it is killed; one byte in the ledger for each commit that was acknowledged.

import { openSync, writeSync } from "node:fs";
import { systemRandom } from "../../../host/base/random.ts";
import { openSqliteStateStore } from "../../../host/state/sqlite-state-store.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { textWrite } from "../../support/state-rows.ts";

const [, , path, ledgerPath] = process.argv;
const ledger = openSync(ledgerPath!, "a");
const store = await openSqliteStateStore({
  path: path!,
  key: new Uint8Array(32).fill(7),
  twin: "did:key:z6MkA",
  kernels: referenceKernels,
  random: systemRandom,
});
for (let index = 0; ; index++) {
  await store.commit([textWrite("a", `left-${index}`, String(index)), textWrite("a", `right-${index}`, String(index))]);
  writeSync(ledger, ".");
  if (index === 10) process.stdout.write("running");
}
