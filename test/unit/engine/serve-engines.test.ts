// Tests host/engine/serve-engines.ts: what a worker does before it is told whom it serves.

import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { silentLog } from "../../../host/base/log.ts";
import { unpackAnswers } from "../../../host/engine/call-packing.ts";
import type { CallRequest } from "../../../host/engine/engine.ts";
import { openEngine } from "../../../host/engine/open-engine.ts";
import { serveEngines } from "../../../host/engine/serve-engines.ts";
import type { EngineWorkerData, Rehearsal, WorkerBatch, WorkerRequest } from "../../../host/engine/worker-messages.ts";
import { createDirectoryJournalFolder } from "../../../host/state/directory-journal-folder.ts";
import { probePackage } from "../../support/probe-package.ts";
import { testIdentity } from "../../support/test-identity.ts";

const root = mkdtempSync(join(tmpdir(), "twin-serve-"));
afterAll(() => rmSync(root, { recursive: true }));

const TWIN = testIdentity(1).id;
const stateKey = (): Uint8Array => new Uint8Array(32).fill(1);
const PUT: CallRequest = {
  holder: { kind: "owner" },
  capability: "probe",
  method: "put",
  payload: jsonEncode("kept"),
};

/** A twin with a capability and a row; answers its folder. */
async function makeTwin(name: string): Promise<string> {
  const folder = join(root, name);
  mkdirSync(folder);
  await using engine = await openEngine({ folder, twin: TWIN, stateKey: stateKey(), log: silentLog });
  await engine.install(probePackage());
  await engine.call(PUT);
  return folder;
}

/** What a worker answers to `get` that was told of `programs` first, when the package's file goes away before the twin is opened. */
async function answerWithoutFile(folder: string, programs: Rehearsal["programs"]): Promise<unknown> {
  const { port1: inside, port2: port } = new MessageChannel();
  const { port1: outside, port2: world } = new MessageChannel();
  try {
    const serving = serveEngines(inside, (path) => {
      rmSync(join(folder, "packages"), { recursive: true });
      return createDirectoryJournalFolder(path);
    });
    const data: EngineWorkerData = {
      journalFolder: join(folder, "journals", "0"),
      isLocked: true,
      places: [{ slot: 1, twin: TWIN, folder, stateKey: stateKey(), follow: false, wasOpened: true }],
      outside,
      running: new SharedArrayBuffer(8),
      hearers: new SharedArrayBuffer(4),
    };
    port.postMessage({ programs } satisfies Rehearsal);
    port.postMessage(data, [outside]);
    await serving;
    expect(existsSync(join(folder, "packages"))).toBe(false);
    const call: WorkerRequest = {
      id: 7,
      slot: 1,
      caller: "owner",
      lane: "probe",
      name: "call",
      args: { ...PUT, method: "get", payload: jsonEncode("x") },
      sentAtMs: Date.now(),
    };
    const none = { places: [], calls: undefined, deliveries: undefined, drops: [], forget: [] };
    port.postMessage({ ...none, requests: [call] } satisfies WorkerBatch);
    for (;;) {
      const [message] = (await once(port, "message")) as [unknown];
      if (message instanceof Uint8Array) {
        return jsonDecode(unpackAnswers(message as Parameters<typeof unpackAnswers>[0]).answers[0]!.answer.payload);
      }
      const replies = (message as { readonly replies?: readonly unknown[] }).replies ?? [];
      if (replies.length > 0) return replies[0];
    }
  } finally {
    for (const each of [inside, port, world]) each.close();
  }
}

test("a worker that stands ready compiles what it is told of: the first call does not wait for it", async () => {
  const folder = await makeTwin("known");
  const packageFolder = join(folder, "packages");
  const [file] = readdirSync(packageFolder);
  const hash = file!.replace(/\.wasm$/u, "");
  // One whose file is gone keeps none of the others away.
  const programs = [
    { hash: "00".repeat(32), packageFolder },
    { hash, packageFolder },
  ];
  expect(await answerWithoutFile(folder, programs)).toBe("kept");
});

test("what it was not told of is compiled when it is called", async () => {
  const folder = await makeTwin("unknown");
  expect(await answerWithoutFile(folder, [])).toMatchObject({ id: 7, error: { code: "TWIN_PACKAGE_INVALID" } });
});
