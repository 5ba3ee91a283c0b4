import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Lab, openLab } from "../../../host/testing.ts";
import { builtCapability } from "../../support/built-capability.ts";

const BUILT = join(import.meta.dirname, "../../../node_modules/.cache/twin-capabilities");
const CHAT = join(BUILT, "chat-1.0.0.wasm");
const CONTACTS = join(BUILT, "contacts-1.0.0.wasm");

const BELL = `
import { kv, nowMs, schedule } from "twin";
/** Rings now, and again in a minute. */
@command export function ring(): void {
  const at = kv.read<f64[]>("at");
  const times: f64[] = at === null ? [] : at;
  times.push(<f64>nowMs());
  kv.write("at", times);
  schedule(nowMs() + 60000, "ring", {});
}
/** When it rang. */
@query export function times(): f64[] {
  const at = kv.read<f64[]>("at");
  return at === null ? [] : at;
}
`;

let lab: Lab;
beforeAll(async () => {
  await builtCapability("chat");
  await builtCapability("contacts");
});
beforeEach(async () => {
  lab = await openLab({ capability: CHAT, others: [CONTACTS] });
});
afterEach(() => lab[Symbol.asyncDispose]());

interface Page {
  readonly messages: readonly { readonly text: string; readonly state: string; readonly atMs: number }[];
}

describe("a lab", () => {
  it("carries messages between twins, and holds them while one is away", async () => {
    const [ada, bob] = [await lab.twin(), await lab.twin()];
    expect(ada.id).not.toBe(bob.id);
    bob.away = true;
    await ada.call("post", { to: bob.id, text: "hello" });
    await lab.advance(3_600_000);
    expect(await lab.deliver()).toBe(0);
    expect(await bob.call("conversations")).toEqual({ conversations: [] });
    await ada.restart();
    bob.away = false;
    // The message, and the mark that it has arrived.
    expect(await lab.deliver()).toBe(2);
    const page = await ada.call<Page>("messages", { peer: bob.id });
    expect(page.messages).toMatchObject([{ text: "hello", state: "delivered", atMs: lab.nowMs - 3_600_000 }]);
  });

  it("meters every call, tells what guests emit, and reaches other capabilities by their names", async () => {
    const [ada, bob] = [await lab.twin(), await lab.twin()];
    await ada.call("contacts.add", { twin: bob.id, name: "Bob" });
    expect(await ada.events()).toEqual([
      { topic: "contacts.changed", capability: "contacts", payload: { twin: bob.id } },
    ]);
    const [receipt] = await ada.receipts();
    expect(receipt).toMatchObject({ capability: "contacts", method: "add", outcome: "ok", caller: "owner" });
    expect(receipt!.fuel).toBeGreaterThan(10_000);
    await expect(ada.call("contacts.list", {}, { fuel: 1_000 })).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
  });

  it("lets peers and experiences do what they were granted and nothing else", async () => {
    const [ada, bob] = [await lab.twin(), await lab.twin()];
    const parcel = { id: "m1", text: "x", atMs: 0 };
    await ada.call("receive", parcel, { from: bob });
    await expect(ada.call("receive", parcel, { from: bob, circles: [] })).rejects.toThrow(/no grant/u);
    await expect(ada.call("conversations", {}, { experience: "chat" })).rejects.toThrow(/no grant/u);
    await ada.grant("chat", "chat", ["conversations"]);
    expect(await ada.call("conversations", {}, { experience: "chat" })).toMatchObject({ conversations: [{}] });
  });

  it("does a repeated call once, and fails a delivery that is refused with the reason", async () => {
    const [ada, bob] = [await lab.twin(), await lab.twin()];
    const post = { to: bob.id, text: "once" };
    const first = await ada.call("post", post, { callId: "a" });
    expect(await ada.call("post", post, { callId: "a" })).toEqual(first);
    await bob.remove("chat");
    await expect(lab.deliver()).rejects.toThrow(/chat\.receive was refused/u);
  });

  it("is the same again from the same seed", async () => {
    const ada = await lab.twin();
    await using other = await openLab({ capability: CHAT });
    const again = await other.twin();
    expect(again.id).toBe(ada.id);
    expect(other.nowMs).toBe(lab.nowMs);
  });

  it("fires timers at their times as time moves, also such as set the next one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lab-"));
    const file = { name: "bell", version: "1.0.0", title: "Bell", description: "Rings.", licence: "MIT" };
    const permissions = { state: "Keeps the times.", schedule: "Rings every minute." };
    await writeFile(join(folder, "capability.json"), JSON.stringify({ ...file, permissions }));
    await writeFile(join(folder, "index.ts"), BELL);
    await using bells = await openLab({ capability: folder });
    const ada = await bells.twin();
    await ada.call("ring");
    const startMs = bells.nowMs;
    await bells.advance(150_000);
    await ada.restart();
    await bells.advance(30_000);
    expect(await ada.call("times")).toEqual([0, 1, 2, 3].map((minute) => startMs + minute * 60_000));
    await rm(folder, { recursive: true });
  });
});
