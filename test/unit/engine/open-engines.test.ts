// Runs several twins in real workers: host/engine/open-engines.ts, worker-seat.ts, worker-engine.ts.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { CallRequest, Engine, Receipt, TwinEvent } from "../../../host/engine/engine.ts";
import { type Engines, type EnginesOptions, openEngines, type TwinOptions } from "../../../host/engine/open-engines.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const MORTAL = new URL("../../support/mortal-engine-worker.ts", import.meta.url);
const root = mkdtempSync(join(tmpdir(), "twin-engines-"));
afterAll(() => rmSync(root, { recursive: true }));

let place = "";
beforeEach(() => {
  place = mkdtempSync(join(root, "host-"));
});

function open(over: Partial<EnginesOptions> = {}): Promise<Engines> {
  return openEngines({ folder: join(place, "journals"), log: silentLog, ...over });
}

function twin(index: number, over: Partial<TwinOptions> = {}): TwinOptions {
  const folder = join(place, `twin-${index}`);
  mkdirSync(folder, { recursive: true });
  return { folder, twin: testIdentity(index).id, stateKey: new Uint8Array(32).fill(index), ...over };
}

function request(method: string, params: unknown = "x", over: Partial<CallRequest> = {}): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(params), ...over };
}

async function read(engine: Engine): Promise<unknown> {
  return jsonDecode((await engine.call(request("get"))).payload);
}

describe("twins of one host", () => {
  test("share a worker and nothing else: state, grants, receipts, events and answers are each one's own", async () => {
    await using engines = await open();
    const [ann, bob] = await Promise.all([engines.open(twin(1)), engines.open(twin(2))]);
    const heard: { readonly ann: Receipt[]; readonly bob: Receipt[]; readonly events: TwinEvent[] } = {
      ann: [],
      bob: [],
      events: [],
    };
    ann.listen({ onReceipt: (receipt) => heard.ann.push(receipt), onEvent: (event) => heard.events.push(event) });
    bob.listen({ onReceipt: (receipt) => heard.bob.push(receipt) });
    for (const engine of [ann, bob]) await engine.install(probePackage());
    await Promise.all([
      ann.call(request("put", "of ann", { callId: "one" })),
      bob.call(request("put", "of bob", { callId: "one" })),
    ]);
    await ann.call(request("receive", "noted"));
    expect([await read(ann), await read(bob)]).toEqual(["of ann", "of bob"]);
    const holder = { kind: "experience", name: "app" } as const;
    await ann.grant({ holder: "experience:app", capability: "probe", methods: ["get"], reason: "To look." });
    await expect(ann.call(request("get", "x", { holder }))).resolves.toBeDefined();
    await expect(bob.call(request("get", "x", { holder }))).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
    expect(heard.ann.map(({ method }) => method)).toEqual(["put", "receive", "get", "get"]);
    expect(heard.bob.map(({ method }) => method)).toEqual(["put", "get"]);
    expect(heard.events).toMatchObject([{ sequence: 1, payload: '"noted"' }]);
    expect(await bob.events({ afterSequence: 0 })).toEqual([]);
    expect((await bob.receipts()).every(({ sequence }) => sequence <= 2)).toBe(true);
    const row = { namespace: "$settings", key: Uint8Array.of(1), value: Uint8Array.of(2) };
    await ann.writeTable([row]);
    expect(await bob.readTable({ namespace: "$settings", start: new Uint8Array(), limit: 9 })).toEqual([]);
    expect(readdirSync(join(place, "journals"))).toEqual(["0"]);
  });

  test("cannot read each other's state: a file opens only for its own twin and key", async () => {
    {
      await using engines = await open();
      const ann = await engines.open(twin(1));
      await ann.install(probePackage());
      await ann.call(request("put", "of ann"));
    }
    const [ann, bob] = [twin(1), twin(2)];
    for (const name of readdirSync(ann.folder))
      cpSync(join(ann.folder, name), join(bob.folder, name), { recursive: true });
    await using engines = await open();
    await expect(engines.open(bob)).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    await expect(engines.open({ ...bob, stateKey: ann.stateKey })).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    expect(await read(await engines.open(ann))).toBe("of ann");
  });

  test("are open once each, may close one by one, and be opened again", async () => {
    await using engines = await open();
    const ann = await engines.open(twin(1));
    const bob = await engines.open(twin(2));
    await ann.install(probePackage());
    await ann.call(request("put", "kept"));
    await expect(engines.open(twin(1))).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    await expect(engines.forget(testIdentity(1).id)).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    await ann[Symbol.asyncDispose]();
    await expect(ann.status()).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(await bob.capabilities()).toEqual([]);
    expect(await read(await engines.open(twin(1)))).toBe("kept");
  });

  test("are not hurt by one whose state is broken", async () => {
    const bad = twin(2);
    writeFileSync(join(bad.folder, "state.sqlite"), "x".repeat(9_000));
    await using engines = await open();
    const ann = await engines.open(twin(1));
    const asleep = engines.takeIn(bad);
    await expect(asleep.status()).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    await ann.install(probePackage());
    await expect(asleep.status()).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    expect(await ann.call(request("echo"))).toBeDefined();
    expect([...engines.refused()]).toEqual([[bad.twin, expect.objectContaining({ code: "TWIN_STATE_BROKEN" })]]);
    // Put back from a backup, here of a twin that had nothing yet.
    rmSync(join(bad.folder, "state.sqlite"));
    await asleep.status();
    expect([...engines.refused()]).toEqual([]);
  });

  test("spread over workers, and keep the worker whose journal knows them", async () => {
    {
      await using engines = await open({ workerCount: 2 });
      for (const index of [1, 2, 3]) {
        const engine = await engines.open(twin(index));
        await engine.install(probePackage());
        await engine.call(request("put", `of ${index}`));
      }
      expect(readdirSync(join(place, "journals")).toSorted()).toEqual(["0", "1"]);
    }
    await using engines = await open({ workerCount: 1 });
    for (const index of [3, 2, 1]) expect(await read(await engines.open(twin(index)))).toBe(`of ${index}`);
  });

  test("can leave for good, and come back as they are then", async () => {
    {
      await using engines = await open();
      const ann = await engines.open(twin(1));
      await ann.install(probePackage());
      await ann.call(request("put", "old"));
      await ann[Symbol.asyncDispose]();
      await engines.forget(testIdentity(1).id);
      rmSync(twin(1).folder, { recursive: true });
      const again = await engines.open(twin(1));
      expect(await again.capabilities()).toEqual([]);
      await again.install(probePackage());
      await again.call(request("put", "new"));
    }
    await using engines = await open();
    expect(await read(await engines.open(twin(1)))).toBe("new");
  });
});

describe("the death of a worker", () => {
  test("is told to all callers, and every twin answers again with all that was acknowledged", async () => {
    await using engines = await open({ entry: MORTAL });
    const twins = await Promise.all([1, 2, 3, 4, 5, 6].map((index) => engines.open(twin(index))));
    await Promise.all(twins.map((engine) => engine.install(probePackage())));
    await Promise.all(twins.map((engine, index) => engine.call(request("put", `of ${index}`))));
    const restarts: number[] = [];
    for (const [index, engine] of twins.entries()) engine.listen({ onRestart: () => restarts.push(index) });
    const inFlight = [
      twins[0]!.call(request("$die")),
      ...twins.slice(1).map((engine) => engine.call(request("put", "?"))),
    ];
    for (const call of inFlight) await expect(call).rejects.toMatchObject({ code: "TWIN_ENGINE_RESTARTED" });
    expect(restarts).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await Promise.all(twins.map(read))).toEqual(twins.map((_, index) => `of ${index}`));
  });

  test("does not reach the twins of another one", async () => {
    await using engines = await open({ entry: MORTAL, workerCount: 2 });
    const [ann, bob] = [await engines.open(twin(1)), await engines.open(twin(2))];
    await bob.install(probePackage());
    let restarts = 0;
    bob.listen({ onRestart: () => restarts++ });
    const dying = ann.readTable({ namespace: "$die", start: new Uint8Array(), limit: 1 });
    const fine = bob.call(request("put", "fine"));
    await expect(dying).rejects.toMatchObject({ code: "TWIN_ENGINE_RESTARTED" });
    await fine;
    expect([await read(bob), restarts]).toEqual(["fine", 0]);
  });
});

test("a twin that is taken in asleep wakes for the timer that was due while nobody was there", async () => {
  {
    await using engines = await open();
    const ann = await engines.open(twin(1));
    await ann.install(probePackage());
    await ann.call(request("later_bad", "x")).catch(() => {});
    await ann.call(request("later", "missed"));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await using engines = await open();
  const noted = Promise.withResolvers<TwinEvent>();
  engines.takeIn(twin(1)).listen({ onEvent: noted.resolve });
  expect(await noted.promise).toMatchObject({ payload: '"missed"' });
});

test("a worker that cannot start says why, and that nothing has begun", async () => {
  const lines: unknown[] = [];
  const log = { ...silentLog, error: (fields: unknown) => void lines.push(fields) };
  await using engines = await open({ log, entry: new URL('data:text/javascript,throw new Error("no code here")') });
  const refused = {
    code: "TWIN_ENGINE_RESTARTED",
    message: expect.stringContaining("(no code here). Nothing has begun"),
  };
  await expect(engines.open(twin(1))).rejects.toMatchObject(refused);
  expect(lines).toContainEqual({ err: expect.objectContaining({ message: "no code here" }) });
});

test("nothing is made where nothing was written", async () => {
  await using engines = await open();
  expect(await (await engines.open(twin(1))).capabilities()).toEqual([]);
  expect(existsSync(join(place, "journals"))).toBe(false);
});
