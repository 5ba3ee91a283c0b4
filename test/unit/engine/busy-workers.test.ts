// Runs twins under load, in one worker and in several: host/engine/open-engines.ts, request-loop.ts.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { CallRequest, Engine, Receipt } from "../../../host/engine/engine.ts";
import { type Engines, type EnginesOptions, openEngines } from "../../../host/engine/open-engines.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const root = mkdtempSync(join(tmpdir(), "twin-busy-"));
afterAll(() => rmSync(root, { recursive: true }));

function openAll(place: string, over: Partial<EnginesOptions> = {}): Promise<Engines> {
  return openEngines({ folder: join(place, "journals"), log: silentLog, ...over });
}

async function openTwin(engines: Engines, place: string, index: number): Promise<Engine> {
  const folder = join(place, `twin-${index}`);
  mkdirSync(folder, { recursive: true });
  return engines.open({ folder, twin: testIdentity(index).id, stateKey: new Uint8Array(32).fill(index) });
}

function request(method: string, params: unknown, over: Partial<CallRequest> = {}): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(params), ...over };
}

test("twins in several workers keep all of theirs under load, and under the load of a next life with one worker", async () => {
  const place = mkdtempSync(join(root, "several-"));
  const [indexes, calls, lives] = [[1, 2, 3, 4], 40, [2, 1]];
  for (const [life, workerCount] of lives.entries()) {
    await using engines = await openAll(place, { workerCount });
    const twins = await Promise.all(indexes.map((index) => openTwin(engines, place, index)));
    if (life === 0) await Promise.all(twins.map((twin) => twin.install(probePackage())));
    const answers = await Promise.all(
      twins.flatMap((twin, index) =>
        Array.from({ length: calls }, async (_, number) => {
          const method = number % 2 === 0 ? "receive" : "echo";
          const text = `${life} ${number} of ${index}`;
          expect(jsonDecode((await twin.call(request(method, text))).payload)).toBe(text);
        }),
      ),
    );
    expect(answers).toHaveLength(twins.length * calls);
    for (const [index, twin] of twins.entries()) {
      const events = await twin.events({ afterSequence: 0 });
      const noted = (each: number): string[] =>
        Array.from({ length: calls / 2 }, (_, number) => `"${each} ${2 * number} of ${index}"`);
      expect(events.map(({ payload }) => payload)).toEqual([0, 1].slice(0, life + 1).flatMap(noted));
      const status = await twin.status();
      expect(status).toMatchObject({ calls: (life + 1) * calls, errors: 0, lastEventSequence: events.length });
      const sums = await twin.receiptSums();
      expect(sums.reduce((count, sum) => count + sum.calls, 0)).toBe(status.calls);
      expect(sums.reduce((fuel, sum) => fuel + sum.fuel, 0)).toBe(status.fuel);
    }
  }
  expect(readdirSync(join(place, "journals")).toSorted()).toEqual(["0", "1"]);
});

test("a twin whose callers all flood slows itself down, not its neighbour in the same worker", async () => {
  const place = mkdtempSync(join(root, "flood-"));
  await using engines = await openAll(place);
  const [flooded, quiet] = [await openTwin(engines, place, 1), await openTwin(engines, place, 2)];
  for (const twin of [flooded, quiet]) await twin.install(probePackage());
  const apps = Array.from({ length: 8 }, (_, index) => `app${index}`);
  for (const app of apps) {
    await flooded.grant({ holder: `experience:${app}`, capability: "probe", methods: ["loop"], reason: "To burn." });
  }
  const burn = async (twin: Engine, holder: CallRequest["holder"]): Promise<void> => {
    const call = twin.call(request("loop", "x", { holder, budget: { fuel: 2_000_000 } }));
    await expect(call).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
  };
  /** When its calls began, by the worker: when the main thread hears of them is another matter. */
  const timesOf = async (twin: Engine, count: number): Promise<number[]> => {
    const list = (): Promise<Receipt[]> => twin.receipts({ limit: 1_000, capability: "probe" });
    await expect.poll(async () => (await list()).length).toBe(count);
    return (await list()).map(({ atMs }) => atMs);
  };
  const flood = Array.from({ length: 30 }, () =>
    apps.map((name) => burn(flooded, { kind: "experience", name })),
  ).flat();
  await Promise.all([...flood, ...Array.from({ length: 30 }, () => burn(quiet, { kind: "owner" }))]);
  const untilMs = Math.max(...(await timesOf(quiet, 30)));
  const servedBefore = (await timesOf(flooded, flood.length)).filter((atMs) => atMs < untilMs);
  // Each of its eight callers would have been served as often as the neighbour's only one.
  expect(servedBefore.length).toBeLessThan(flood.length / 2);
});
