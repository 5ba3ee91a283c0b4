import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { CallRequest, Engine, Receipt, TwinEvent } from "../../../host/engine/engine.ts";
import { type EngineOptions, openEngine } from "../../../host/engine/open-engine.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { PROBE_PEER, probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const MORTAL = new URL("../../support/mortal-engine-worker.ts", import.meta.url);
const root = mkdtempSync(join(tmpdir(), "twin-engine-"));
let folder = mkdtempSync(join(root, "twin-"));
beforeEach(() => {
  folder = mkdtempSync(join(root, "twin-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function open(over: Partial<EngineOptions> = {}): Promise<Engine> {
  const stateKey = new Uint8Array(32).fill(5);
  return openEngine({ folder, twin: testIdentity(1).id, stateKey, log: silentLog, ...over });
}

function request(method: string, params: unknown = "x", over: Partial<CallRequest> = {}): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(params), ...over };
}

async function read(engine: Engine): Promise<unknown> {
  return jsonDecode((await engine.call(request("get"))).payload);
}

describe("an engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
    await engine.install(probePackage());
    await engine.install(probePackage({ name: "neighbour" }));
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  test("keeps what it acknowledged, and its capabilities, when it is opened again", async () => {
    {
      await using engine = await open();
      await engine.install(probePackage());
      await engine.call(request("put", "kept"));
    }
    await using engine = await open();
    expect(await read(engine)).toBe("kept");
    expect(await engine.status()).toMatchObject({ calls: 2, errors: 0 });
  });

  test("tells its listeners what became durable, until they no longer listen", async () => {
    const heard: { peers: string[]; events: TwinEvent[]; receipts: Receipt[] } = {
      peers: [],
      events: [],
      receipts: [],
    };
    const stop = engine.listen({
      onOutbox: (peer) => heard.peers.push(peer),
      onEvent: (event) => heard.events.push(event),
      onReceipt: (receipt) => heard.receipts.push(receipt),
    });
    engine.listen({
      onReceipt: () => {
        throw new Error("a listener of somebody");
      },
    });
    const { receipt } = await engine.call(request("send", "to them"));
    await engine.call(request("receive", "noted"));
    stop();
    await engine.call(request("receive", "unheard"));
    expect(heard.peers).toEqual([PROBE_PEER]);
    expect(heard.events).toMatchObject([{ sequence: 1, topic: "probe.noted", payload: '"noted"' }]);
    expect(heard.receipts.map(({ method }) => method)).toEqual(["send", "receive"]);
    expect(heard.receipts[0]).toEqual(receipt);
  });

  test("answers many calls at once, each with its own answer, and stays within its queue", async () => {
    const calls = Array.from({ length: 300 }, (_, index) => engine.call(request("put", `value ${index}`)));
    const answers = await Promise.all(calls);
    expect(answers.map(({ payload }) => jsonDecode(payload))).toEqual(answers.map((_, index) => `value ${index}`));
    expect(await read(engine)).toBe("value 299");
    const flood = Array.from({ length: LIMITS.engine.queueLength + 10 }, () => engine.call(request("echo")));
    const outcomes = await Promise.allSettled(flood);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatchObject({ reason: { code: "TWIN_CALL_QUEUE", retry: true } });
  });

  test("drops a call that is aborted before it begins, and answers the others", async () => {
    const controller = new AbortController();
    await expect(engine.call(request("put", "never"), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "TWIN_ABORTED",
    });
    const busy = engine.call(request("loop", "x", { budget: { fuel: 100_000_000 } }));
    const waiting = engine.call(request("put", "never"), { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    await expect(busy).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
    expect(await read(engine)).not.toBe("never");
  });

  test("lets an endless loop cost its own fuel only", async () => {
    const loop = engine.call(request("loop", "x", { budget: { fuel: 50_000_000 } }));
    const neighbour = engine.call(request("echo", "fine", { capability: "neighbour" }));
    await expect(loop).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
    expect(jsonDecode((await neighbour).payload)).toBe("fine");
  });

  test("keeps the host's tables, and neither a capability's nor its own are open to them", async () => {
    const row = { namespace: "$settings", key: Uint8Array.of(1), value: Uint8Array.of(2, 3) };
    await engine.writeTable([row]);
    const range = { namespace: "$settings", start: new Uint8Array(), limit: 10 };
    expect(await engine.readTable(range)).toEqual([{ key: row.key, value: row.value }]);
    for (const namespace of ["probe", "$grants", "$inbox", "$links:probe"]) {
      await expect(engine.writeTable([{ ...row, namespace }])).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    }
    await expect(engine.readTable({ ...range, namespace: "probe" })).rejects.toMatchObject({
      code: "TWIN_INPUT_INVALID",
    });
  });

  test("refuses calls once it is closed, and payloads that are too large", async () => {
    const engine = await open();
    await expect(
      engine.call(request("echo", "x", { payload: new Uint8Array(LIMITS.engine.payloadSizeBytes + 1) })),
    ).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    await engine[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await expect(engine.status()).rejects.toMatchObject({ code: "TWIN_ABORTED" });
  });
});

describe("an engine that cannot open", () => {
  test("says so in one sentence and changes nothing, when its state is broken", async () => {
    const noise = Buffer.from("not a state file ".repeat(500));
    writeFileSync(join(folder, "state.sqlite"), noise);
    await expect(open()).rejects.toMatchObject({
      code: "TWIN_STATE_BROKEN",
      message: expect.stringContaining("state.sqlite"),
    });
    expect(readFileSync(join(folder, "state.sqlite")).equals(noise)).toBe(true);
    expect(readdirSync(folder)).toEqual(["state.sqlite"]);
  });

  test("says that another one has it open", async () => {
    await using engine = await open();
    await expect(open()).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    expect(await engine.capabilities()).toEqual([]);
  });
});

describe("an engine whose worker dies", () => {
  test("tells the calls in flight, and answers the next one from what was committed", async () => {
    await using engine = await open({ entry: MORTAL });
    await engine.install(probePackage());
    await engine.call(request("put", "safe"));
    const inFlight = [engine.call(request("$die")), engine.call(request("put", "lost?"))];
    for (const call of inFlight) {
      await expect(call).rejects.toMatchObject({ code: "TWIN_ENGINE_RESTARTED", retry: true });
    }
    expect(await read(engine)).toBe("safe");
  });

  test("comes back by itself for the timers that are due", async () => {
    await using engine = await open({ entry: MORTAL });
    await engine.install(probePackage());
    const fired = Promise.withResolvers<TwinEvent>();
    engine.listen({ onEvent: fired.resolve });
    await engine.call(request("later", "tick"));
    await expect(engine.call(request("$die"))).rejects.toMatchObject({ code: "TWIN_ENGINE_RESTARTED" });
    expect(await fired.promise).toMatchObject({ payload: '"tick"' });
  });

  test("is replaced by itself when a call runs past its deadline", async () => {
    const clock = createManualClock();
    await using engine = await open({ entry: MORTAL, clock });
    await engine.install(probePackage());
    const hung = Promise.allSettled([engine.call(request("$hang", "x", { budget: { timeoutMs: 10_000 } }))]);
    const tick = async (): Promise<undefined> => {
      clock.advance(LIMITS.engine.watchdogTickMs);
      await sleep(2);
      return undefined;
    };
    let outcome: Awaited<typeof hung> | undefined;
    while (outcome === undefined) outcome = await Promise.race([hung, tick()]);
    expect(outcome).toMatchObject([{ status: "rejected", reason: { code: "TWIN_ENGINE_RESTARTED" } }]);
    expect(clock.elapsedMs()).toBeGreaterThan(10_000 + LIMITS.engine.watchdogGraceMs);
    expect(jsonDecode((await engine.call(request("echo", "back"))).payload)).toBe("back");
  });

  test("reports why it cannot come back, once per request", async () => {
    await using engine = await open({ entry: MORTAL });
    await expect(engine.readTable({ namespace: "$die", start: new Uint8Array(), limit: 1 })).rejects.toMatchObject({
      code: "TWIN_ENGINE_RESTARTED",
    });
    writeFileSync(join(folder, "state.sqlite"), "x".repeat(9_000));
    await expect(engine.status()).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    await expect(engine.status()).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
  });
});
