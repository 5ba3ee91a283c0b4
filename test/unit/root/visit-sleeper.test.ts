// Tests host/visit-sleeper.ts: a twin that nobody opened is in its vault afterwards, and comes back from it.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { openEngines } from "../../../host/engine/open-engines.ts";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import { formatPhrase } from "../../../host/identity/phrase.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { restoreTwin } from "../../../host/restore.ts";
import { createSettings } from "../../../host/settings.ts";
import { visitSleeper } from "../../../host/visit-sleeper.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const root = mkdtempSync(join(tmpdir(), "visit-"));
afterAll(() => rmSync(root, { recursive: true }));

const MESSAGE = { namespace: "$settings", key: utf8Encode("from-ben"), value: utf8Encode("are you there?") };

test("a twin that was visited, and is then lost, is restored with all that it had", async () => {
  const kernels = await openKernels();
  const entropy = seededBytes(1, 32);
  const identity = deriveIdentity(entropy, kernels);
  const folder = join(root, "family");
  mkdirSync(join(folder, "twin"), { recursive: true });
  await using engines = await openEngines({ folder: join(root, "journals"), log: silentLog });
  const twin = { folder: join(folder, "twin"), twin: identity.id, stateKey: identity.keys.state, follow: true };
  const engine = await engines.open(twin);
  await createSettings(engine).set("name", "Family");
  {
    const visit = await visitSleeper({ folder, engine, identity, kernels, kernelWorkers: 1, log: silentLog });
    await using visited = visit!;
    await visited.flush();
    // After the copy was begun: a tick.
    await engine.writeTable([MESSAGE]);
    await visited.look(AbortSignal.timeout(20_000));
    await visited.flush();
  }
  const copy = join(root, "copy");
  const report = await restoreTwin({
    folder: copy,
    phrase: formatPhrase(entropy),
    locations: [2, 3, 4, 6].map((store) => join(folder, "stores", `store-${store}`)),
    log: silentLog,
  });
  expect(report.twin).toBe(identity.id);
  await using others = await openEngines({ folder: join(copy, "journals"), log: silentLog });
  const restored = await others.open({ ...twin, folder: join(copy, "twin") });
  expect(await createSettings(restored).get("name")).toBe("Family");
  expect(Number(await createSettings(restored).get("lastDrillAtMs"))).toBeGreaterThan(0);
  const { namespace, key } = MESSAGE;
  const [row] = await restored.readTable({ namespace, start: key, limit: 1 });
  expect(utf8Decode(row!.value)).toBe("are you there?");
});
