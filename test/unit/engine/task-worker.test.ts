import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { CallRequest, Engine } from "../../../host/engine/engine.ts";
import { type Engines, openEngines } from "../../../host/engine/open-engines.ts";
import { NO_OUTSIDE } from "../../../host/engine/outside.ts";
import { createHttpDoor } from "../../../host/outside/http-door.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { PROBE_TASKS, probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const MORTAL = new URL("../../support/mortal-engine-worker.ts", import.meta.url);
const root = mkdtempSync(join(tmpdir(), "twin-tasks-"));
const twin = testIdentity(1).id;
/** Requests that stand open. */
const open: ServerResponse[] = [];
const asked: string[] = [];
let server: Server;
let place = "";
let count = 0;
let engines: Engines;
let engine: Engine;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === "/hold") open.push(response);
    else response.end(JSON.stringify(`you asked for ${request.url}`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true });
});
beforeEach(async () => {
  open.length = 0;
  asked.length = 0;
  const folder = join(root, String(count++));
  await mkdir(folder);
  engines = await openEngines({ folder: join(folder, "journals"), log: silentLog, entry: MORTAL });
  const stateKey = new Uint8Array(32).fill(5);
  engine = await engines.open({ folder, twin, stateKey, outside: { ...NO_OUTSIDE, fetch: createHttpDoor() } });
  await engine.install(probePackage({ tasks: PROBE_TASKS, asks: ["peer_call", { http: [place] }] }));
});
afterEach(() => engines[Symbol.asyncDispose]());

function request(method: string, params: unknown): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(params) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("a task in a worker", () => {
  test("fetches from a server and stores what came, many at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => engine.call(request("fetch_put", { url: `${place}/${index}` }))),
    );
    expect(answers.map(({ payload }) => jsonDecode(payload))).toEqual(
      Array.from({ length: 20 }, (_, index) => `you asked for /${index}`),
    );
    expect(jsonDecode((await engine.call(request("get", ""))).payload)).toMatch(/^you asked for /u);
    const { calls, fuel } = await engine.status();
    const sums = await engine.receiptSums();
    expect(sums.reduce((sum, row) => sum + row.calls, 0)).toBe(calls);
    expect(sums.reduce((sum, row) => sum + row.fuel, 0)).toBe(fuel);
  });

  test("ends with its caller, and the server sees its connection go", async () => {
    const caller = new AbortController();
    const answer = engine.call(request("fetch", { url: `${place}/hold` }), { signal: caller.signal });
    answer.catch(() => undefined);
    await until(() => open.length === 1);
    caller.abort();
    await expect(answer).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    await until(() => open[0]!.destroyed);
    expect(await engine.receipts({ limit: 1 })).toMatchObject([{ method: "fetch", code: "TWIN_ABORTED" }]);
  });

  test("ends with its worker, and so does its request", async () => {
    const answer = engine.call(request("fetch", { url: `${place}/hold` }));
    answer.catch(() => undefined);
    await until(() => open.length === 1);
    await engine.readTable({ namespace: "$die", start: Uint8Array.of(1), limit: 1 }).catch(() => undefined);
    await expect(answer).rejects.toMatchObject({ code: "TWIN_ENGINE_RESTARTED" });
    await until(() => open[0]!.destroyed);
    expect(jsonDecode((await engine.call(request("fetch", { url: `${place}/again` }))).payload)).toBe(
      "you asked for /again",
    );
  });

  test("that runs on past its time is ended with its worker: what it has committed stands, nothing else happened, and its neighbours are back", async () => {
    const folder = join(root, String(count++));
    const clock = createManualClock();
    await using watched = await openEngines({ folder: join(folder, "journals"), log: silentLog, entry: MORTAL, clock });
    const twins = await Promise.all(
      [1, 2].map(async (index) => {
        const own = join(folder, String(index));
        await mkdir(own, { recursive: true });
        const stateKey = new Uint8Array(32).fill(index);
        const outside = { ...NO_OUTSIDE, fetch: createHttpDoor() };
        const opened = await watched.open({ folder: own, twin: testIdentity(index).id, stateKey, outside });
        await opened.install(probePackage({ tasks: PROBE_TASKS, asks: ["peer_call", { http: [place] }] }));
        return opened;
      }),
    );
    const [ann, bob] = [twins[0]!, twins[1]!];
    await bob.call(request("put", "safe"));
    const waiting = bob.call(request("fetch", { url: `${place}/hold` }));
    waiting.catch(() => undefined);
    await until(() => open.length === 1);
    // It has stored its text when it hangs: behind a wait, where no request runs but the task itself.
    const stored = Promise.withResolvers<void>();
    ann.listen({ onReceipt: ({ method }) => method === "put" && stored.resolve() });
    const hanging = ann.call(request("put_fetch", { url: `${place}/$hang` }));
    hanging.catch(() => undefined);
    await stored.promise;
    const late = bob.call(request("put", "lost"));
    const outcomes = Promise.allSettled([hanging, waiting, late]);
    const tick = async (): Promise<undefined> => {
      clock.advance(LIMITS.engine.watchdogTickMs);
      await sleep(2);
      return undefined;
    };
    let settled: Awaited<typeof outcomes> | undefined;
    while (settled === undefined) settled = await Promise.race([outcomes, tick()]);
    const restarted = { status: "rejected", reason: { code: "TWIN_ENGINE_RESTARTED", retry: true } };
    expect(settled).toMatchObject([restarted, restarted, restarted]);
    expect(clock.elapsedMs()).toBeGreaterThan(LIMITS.sandbox.callTimeoutMs + LIMITS.engine.watchdogGraceMs);
    await until(() => open[0]!.destroyed);
    const read = async (twin: Engine): Promise<unknown> => jsonDecode((await twin.call(request("get", ""))).payload);
    expect([await read(ann), await read(bob)]).toEqual(["too much", "safe"]);
    expect((await ann.receipts()).map(({ method }) => method)).not.toContain("put_fetch");
    expect(await ann.status()).toMatchObject({ tasks: 0, errors: 0 });
    expect(asked).toEqual(["/hold"]);
    const again = await ann.call(request("fetch", { url: `${place}/again` }));
    expect(jsonDecode(again.payload)).toBe("you asked for /again");
  });
});
