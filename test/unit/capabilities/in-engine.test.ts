import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { CallAnswer, Engine } from "../../../host/engine/engine.ts";
import { openEngine } from "../../../host/engine/open-engine.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { messagesOf } from "../../support/page-messages.ts";
import { testTwinId } from "../../support/capability-twin.ts";

const [ADA, BOB] = [testTwinId(1), testTwinId(2)];
let root: string;
let engines: Record<string, Engine>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "capabilities-"));
  engines = {};
  for (const twin of [ADA, BOB]) {
    const folder = join(root, twin.slice(-4));
    await mkdir(folder);
    engines[twin] = await openEngine({ folder, twin, stateKey: new Uint8Array(32).fill(3), log: silentLog });
  }
});
afterEach(async () => {
  for (const engine of Object.values(engines)) await engine[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function install(...names: Parameters<typeof builtCapability>[0][]): Promise<void> {
  for (const name of names) {
    const { bytes } = await builtCapability(name);
    for (const engine of Object.values(engines)) await engine.install(bytes);
  }
}

function callRaw(twin: string, method: `${string}.${string}`, params: unknown): Promise<CallAnswer> {
  const [capability = "", name = ""] = method.split(".");
  return engines[twin]!.call({ holder: { kind: "owner" }, capability, method: name, payload: jsonEncode(params) });
}

async function call(twin: string, method: `${string}.${string}`, params: unknown): Promise<unknown> {
  return jsonDecode((await callRaw(twin, method, params)).payload);
}

/** Delivers everything in both outboxes, as the network would. */
async function settle(): Promise<void> {
  for (const [from, to] of [
    [ADA, BOB],
    [BOB, ADA],
    [ADA, BOB],
    [BOB, ADA],
  ] as const) {
    const page = await engines[from]!.outbox(to, { limit: 100 });
    for (const { sequence, capability, method, payload } of messagesOf(page)) {
      const incoming = { from, circles: ["contacts"], sequence, capability, method, payload };
      const delivery = await engines[to]!.deliver(incoming);
      expect(delivery).toEqual({ status: "done" });
      await engines[from]!.settle(to, { throughSequence: sequence, refused: [] });
    }
  }
}

describe("the capabilities in a real engine", () => {
  it("pass admission, and answer within a small part of their fuel and memory", async () => {
    await install("echo", "contacts", "chat", "files");
    expect((await engines[ADA]!.capabilities()).map(({ name }) => name).toSorted()).toEqual([
      "chat",
      "contacts",
      "echo",
      "files",
    ]);
    const { receipt } = await callRaw(ADA, "echo.echo", { text: "hello" });
    expect(receipt.fuel).toBeLessThan(1_000_000);
    expect(receipt.memorySizeBytes).toBeLessThan(4 * 1024 * 1024);
  });

  it("carry a chat between two twins, marks included", async () => {
    await install("contacts", "chat");
    await call(ADA, "contacts.add", { twin: BOB, name: "Bob" });
    await call(ADA, "chat.post", { to: BOB, text: "hello \u{1f44b}", id: "m1" });
    await settle();
    await call(BOB, "chat.mark_read", { peer: ADA, upTo: "m1" });
    await settle();
    const page = { messages: [expect.objectContaining({ text: "hello \u{1f44b}", state: "read" })], more: false };
    expect(await call(ADA, "chat.messages", { peer: BOB })).toEqual(page);
    expect(await call(BOB, "chat.messages", { peer: ADA })).toEqual(page);
  });

  it("let a stranger's twin call nothing, and a contact's only what is for peers", async () => {
    await install("chat");
    const payload = jsonEncode({ id: "m1", text: "spam", atMs: 1 });
    const stranger = { from: BOB, circles: [], sequence: 1, capability: "chat", method: "receive", payload };
    expect(await engines[ADA]!.deliver(stranger)).toMatchObject({
      status: "refused",
      error: { code: "TWIN_CALL_DENIED" },
    });
    const contact = { from: BOB, circles: ["contacts"], sequence: 2, capability: "chat", method: "conversations" };
    expect(await engines[ADA]!.deliver({ ...contact, payload: jsonEncode({}) })).toMatchObject({
      status: "refused",
      error: { code: "TWIN_CALL_DENIED" },
    });
    expect(await call(ADA, "chat.conversations", {})).toEqual({ conversations: [] });
  });

  it("say with their own code why they refuse", async () => {
    await install("files");
    await call(ADA, "files.create_folder", { parent: "root", name: "a" });
    await expect(call(ADA, "files.create_folder", { parent: "root", name: "a" })).rejects.toMatchObject({
      code: "TWIN_GUEST_FAILED",
    });
    expect(await call(ADA, "files.usage", {})).toEqual({ files: 0, folders: 1, sizeBytes: 0 });
  });
});
