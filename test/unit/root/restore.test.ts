// Tests host/restore.ts: stores of different moments. Some were copied away, and the twin lived on in the others.

import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { openEngines } from "../../../host/engine/open-engines.ts";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import { formatPhrase } from "../../../host/identity/phrase.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { restoreTwin } from "../../../host/restore.ts";
import { createSettings } from "../../../host/settings.ts";
import { writeStoreFile } from "../../../host/store-book.ts";
import { visitSleeper } from "../../../host/visit-sleeper.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const root = mkdtempSync(join(tmpdir(), "restore-"));
afterAll(() => rmSync(root, { recursive: true }));

test("a twin comes back as it is now, also when the stores that are named are copies of some time ago", async () => {
  const kernels = await openKernels();
  const entropy = seededBytes(2, 32);
  const identity = deriveIdentity(entropy, kernels);
  const folder = join(root, "family");
  mkdirSync(join(folder, "twin"), { recursive: true });
  await using engines = await openEngines({ folder: join(root, "journals"), log: silentLog });
  const twin = { folder: join(folder, "twin"), twin: identity.id, stateKey: identity.keys.state, follow: true };
  const engine = await engines.open(twin);
  const numbers = [1, 2, 3, 4, 5, 6];
  const storeOf = (number: number): string => join(root, "stores", `${number}`);
  const stores = numbers.map((number) => ({ name: `store-${number}`, location: storeOf(number) }));
  await writeStoreFile(folder, { stores });
  const visit = async (name: string): Promise<void> => {
    await createSettings(engine).set("name", name);
    await using visited = (await visitSleeper({
      folder,
      engine,
      identity,
      kernels,
      kernelWorkers: 1,
      log: silentLog,
    }))!;
    await visited.flush();
  };
  const restore = async (into: string, locations: readonly string[]): Promise<string | undefined> => {
    const copy = join(root, into);
    await restoreTwin({ folder: copy, phrase: formatPhrase(entropy), locations, log: silentLog });
    await using others = await openEngines({ folder: join(copy, "journals"), log: silentLog });
    return await createSettings(await others.open({ ...twin, folder: join(copy, "twin") })).get("name");
  };
  await visit("Then");
  const copies = [1, 2, 3, 4].map((number) => join(root, `copy-${number}`));
  for (const [at, copy] of copies.entries()) cpSync(storeOf(at + 1), copy, { recursive: true });
  await visit("Now");
  expect(await restore("two", copies.slice(0, 2)), "what lives is newer, and enough").toBe("Now");
  for (const number of numbers) rmSync(storeOf(number), { recursive: true });
  expect(await restore("four", copies), "nothing else is left").toBe("Then");
});
