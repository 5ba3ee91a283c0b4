// Other twins of a host, opened and closed again: host/other-twins.ts, host/opened-twin.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { jsonEncode, utf8Decode } from "../../../host/base/bytes.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { openEngines } from "../../../host/engine/open-engines.ts";
import { createKeystore } from "../../../host/identity/keystore.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { openLanes } from "../../../host/kernels/open-lanes.ts";
import { OtherTwins } from "../../../host/other-twins.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const root = mkdtempSync(join(tmpdir(), "twin-others-"));
afterAll(() => rmSync(root, { recursive: true }));

test("a twin that nobody uses is closed after a while and opened again for who asks, with all that it had", async () => {
  const clock = createManualClock();
  const kernels = await openKernels();
  const own = { kernels, clock: systemClock, log: silentLog };
  const lanes = await openLanes({ ...own, path: join(root, "hardware.json"), setting: "wasm", workers: 1 });
  await mkdir(join(root, "twins"));
  await using engines = await openEngines({ folder: join(root, "journals"), log: silentLog });
  const parts = { folder: root, engines, kernels, kernelWorkers: 1, lanes, keeps: true, clock, log: silentLog };
  await using others = new OtherTwins(parts);
  const closedWebs: string[] = [];
  others.connect({
    other: async () => undefined,
    otherUrl: () => "",
    closeOther: async (name) => void closedWebs.push(name),
  });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LIMITS.engine.openIdleLookMs) {
      clock.advance(LIMITS.engine.openIdleLookMs);
      await sleep(5);
    }
  };
  /** Lets time pass until nobody has it open. */
  const whenClosed = async (): Promise<void> => {
    while (others.opened().length > 0) await pass(LIMITS.engine.openIdleLookMs);
  };

  const { twin } = await others.create("family");
  const first = await others.open("family");
  const object = await first.owner.vault.put(textOf("kept"));
  const release = first.hold();
  await pass(2 * LIMITS.engine.openIdleMs);
  expect(others.opened()).toEqual([first.owner]);
  release();
  // Once is enough, and others' uses are theirs.
  release();
  const shortly = first.hold();
  shortly();
  await pass(LIMITS.engine.openIdleMs / 2);
  expect(others.opened()).toEqual([first.owner]);
  await whenClosed();
  expect(closedWebs).toEqual(["family"]);

  // Who asks while it is being closed waits for that; its engine was there all the time.
  const again = await others.open("family");
  expect(again.owner).not.toBe(first.owner);
  expect(await others.list()).toEqual([{ name: "family", twin }]);
  const holder = { kind: "owner" } as const;
  const payload = jsonEncode({ text: "hi" });
  const answer = await again.owner.engine.call({ holder, capability: "echo", method: "echo", payload });
  expect(utf8Decode(answer.payload)).toContain("hi");
  const bytes: Uint8Array[] = [];
  for await (const part of again.owner.vault.read(object.id)) bytes.push(part);
  expect(utf8Decode(Buffer.concat(bytes))).toBe("kept");
});

test("twins that cannot be used are named with the reason, and the others are there", async () => {
  const folder = join(root, "some-broken");
  const kernels = await openKernels();
  const lanes = await openLanes({
    path: join(root, "hardware.json"),
    kernels,
    clock: systemClock,
    log: silentLog,
    setting: "wasm",
    workers: 1,
  });
  for (const [index, name] of ["attic", "family", "work"].entries()) {
    await mkdir(join(folder, "twins", name, "twin"), { recursive: true });
    await createKeystore(join(folder, "twins", name, "keystore.json"), new Uint8Array(32).fill(index + 1), kernels);
  }
  const keystore = join(folder, "twins", "attic", "keystore.json");
  const whole = await readFile(keystore);
  await writeFile(keystore, "{");
  await writeFile(join(folder, "twins", "family", "twin", "state.sqlite"), "x".repeat(9_000));
  await using engines = await openEngines({ folder: join(folder, "journals"), log: silentLog });
  const parts = { folder, engines, kernels, kernelWorkers: 1, lanes, keeps: false, log: silentLog };
  await using others = new OtherTwins({ ...parts, clock: createManualClock() });
  expect(others.broken()).toEqual([]);
  const listed = await others.list();
  expect(listed.map(({ name, twin }) => [name, twin.slice(0, 12)])).toEqual([
    ["attic", ""],
    ["family", "did:key:z6Mk"],
    ["work", "did:key:z6Mk"],
  ]);
  const problems = (): unknown[] => others.broken().map(({ name, problem }) => [name, problem]);
  const attic = ["attic", expect.stringContaining("keystore.json")];
  await expect
    .poll(problems, { timeout: 20_000 })
    .toEqual([attic, ["family", expect.stringContaining("it is damaged or not a state file")]]);
  expect((await others.list()).map(({ problem }) => problem === undefined)).toEqual([false, false, true]);
  await writeFile(keystore, whole);
  expect((await others.list()).map(({ problem }) => problem === undefined)).toEqual([true, false, true]);
});

async function* textOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
