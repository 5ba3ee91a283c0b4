// Tests host/drill.ts: a drill tells the twin that would come back from the one that runs.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { silentLog } from "../../../host/base/log.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { type DrillParts, drillOnce } from "../../../host/drill.ts";
import { openEngines } from "../../../host/engine/open-engines.ts";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import { keepReplica } from "../../../host/keep-replica.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { createReplicaSource } from "../../../host/replica.ts";
import { createChangeHub } from "../../../host/rpc/change-hub.ts";
import { createSettings } from "../../../host/settings.ts";
import type { StateWrite } from "../../../host/state/state-store.ts";
import { TwinStores } from "../../../host/twin-stores.ts";
import { openTwinVault } from "../../../host/twin-vault.ts";
import { openReplicator, type Replicator } from "../../../host/vault/replicator.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { putBytes } from "../../support/test-vault.ts";

const root = mkdtempSync(join(tmpdir(), "drill-"));
const stack = new AsyncDisposableStack();
stack.defer(() => rmSync(root, { recursive: true }));
afterAll(() => stack.disposeAsync());

const row = (key: string, value: string | undefined): StateWrite => ({
  namespace: "$settings",
  key: utf8Encode(key),
  value: value === undefined ? undefined : utf8Encode(value),
});

let parts: DrillParts & Parameters<typeof keepReplica>[0];
beforeAll(async () => {
  const kernels = await openKernels();
  const identity = deriveIdentity(seededBytes(3, 32), kernels);
  const folder = join(root, "twin");
  mkdirSync(join(folder, "twin", "packages"), { recursive: true });
  writeFileSync(join(folder, "twin", "packages", "a.wasm"), "a package");
  const engines = stack.use(await openEngines({ folder: join(root, "journals"), log: silentLog }));
  const place = { folder: join(folder, "twin"), twin: identity.id, stateKey: identity.keys.state, follow: true };
  const engine = await engines.open(place);
  const twinStores = new TwinStores();
  const common = { folder, identity, kernels, kernelWorkers: 1, log: silentLog };
  const { vault, stores } = await openTwinVault(stack, { ...common, openTwinStore: twinStores.open });
  const [settings, changes] = [createSettings(engine), createChangeHub()];
  parts = { ...common, vault, stores, twinStores, engine, settings, changes };
  await engine.writeTable(Array.from({ length: 300 }, (_, at) => row(`row-${at}`, `${at}`)));
  await putBytes(vault, seededBytes(4, 50_000));
});

/** The copy that `change` makes of the twin, drilled. */
async function drillOver(
  change: (rows: readonly StateWrite[]) => readonly StateWrite[],
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const source = createReplicaSource(parts.engine, parts.folder);
  const copied: Pick<Replicator, "flush"> & AsyncDisposable = openReplicator({
    ...parts,
    source: {
      ...source,
      async *rows() {
        for await (const page of source.rows()) yield [...change(page)];
      },
    },
    stores: () => [],
    clock: systemClock,
    random: systemRandom,
  });
  await using replicator = copied;
  await drillOnce(parts, async () => {
    await replicator.flush();
    await meanwhile();
  });
}

describe("a drill", () => {
  test("succeeds over a copy that is the twin, and leaves nothing", async () => {
    await drillOver((rows) => rows);
    expect(readdirSync(parts.folder)).not.toContain("drill");
  });

  test.each<[string, (rows: readonly StateWrite[]) => readonly StateWrite[]]>([
    ["lacks a row", (rows) => rows.filter(({ key }) => !isKey(key, "row-77"))],
    ["has a row that is not there", (rows) => [row("row-0-and-more", "?"), ...rows]],
    ["has another value", (rows) => rows.map((each) => (isKey(each.key, "row-299") ? row("row-299", "?") : each))],
  ])("fails over a copy that %s", async (_, change) => {
    await expect(drillOver(change)).rejects.toMatchObject({
      code: "TWIN_SEAL_BROKEN",
      message: expect.stringContaining("1 rows of its tables") as string,
    });
    expect(readdirSync(parts.folder)).not.toContain("drill");
  });

  test("does not mind what is written, put, forgotten and installed while it goes on", async () => {
    const { id } = await putBytes(parts.vault, seededBytes(5, 9_000));
    await drillOver(
      (rows) => rows,
      async () => {
        await parts.engine.writeTable([row("row-1", "changed"), row("row-2", undefined), row("row-new", "1")]);
        await parts.vault.forget(id);
        await putBytes(parts.vault, seededBytes(6, 9_000));
        writeFileSync(join(parts.folder, "twin", "packages", "b.wasm"), "another package");
      },
    );
  });

  test("leaves the stores alone: one that was emptied is not taken for whole afterwards", async () => {
    const emptied = join(parts.folder, "stores", "store-6");
    rmSync(emptied, { recursive: true });
    const before = await parts.vault.status();
    expect(before.stores.at(-1)).toMatchObject({ name: "store-6", healthy: false });
    await drillOver((rows) => rows).catch(() => {});
    rmSync(emptied, { recursive: true, force: true });
    await using kept = keepReplica(parts);
    await kept.flush();
    rmSync(emptied, { recursive: true, force: true });
    await kept.drill();
    expect((await parts.vault.status()).stores.at(-1)).toMatchObject({ healthy: false });
    await parts.vault.scrub();
  });

  test("names an object that would not come back, and the status tells it until one has succeeded", async () => {
    await using kept = keepReplica(parts);
    await kept.drill();
    // A large one: its segment is its own.
    const { id } = await putBytes(parts.vault, seededBytes(7, 3_000_000));
    const stores = ["store-1", "store-2", "store-3"].map((store) => join(parts.folder, "stores", store));
    const away = stores.flatMap((store) => shardsOf(store).slice(-1));
    expect(away).toHaveLength(3);
    for (const file of away) rmSync(file);
    await expect(kept.drill()).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST", details: { object: id } });
    expect((await kept.status())?.problem).toContain(`The restore drill failed: Object ${id} would not come back`);
    await parts.vault.forget(id);
    await kept.drillIfDue();
    expect((await kept.status())?.problem).toBeUndefined();
  });
});

function isKey(key: Uint8Array, text: string): boolean {
  return Buffer.from(key).toString() === text;
}

/** Files of the store's shards, the largest last. */
function shardsOf(store: string): string[] {
  const files = readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name));
  return paths.toSorted((left, right) => statSync(left).size - statSync(right).size);
}
