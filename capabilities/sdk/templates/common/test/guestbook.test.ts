import assert from "node:assert/strict";
import { test } from "node:test";
import { openLab } from "digital-twin-host/testing";

test("keeps what contacts write, the newest first", async () => {
  await using lab = await openLab();
  const [ada, bob] = [await lab.twin(), await lab.twin()];
  const first = await ada.call("sign", { text: 'hello \u{1f44b} "quoted"\n' }, { from: bob });
  assert.deepEqual(first, { number: 1, by: bob.id, text: 'hello \u{1f44b} "quoted"\n', atMs: lab.nowMs });
  await lab.advance(60_000);
  const second = await ada.call("sign", { text: "mine" });
  assert.deepEqual(second, { number: 2, by: "", text: "mine", atMs: lab.nowMs });
  assert.deepEqual(await ada.call("list"), [second, first]);
  assert.deepEqual(await ada.call("list", { limit: 1 }), [second]);
  assert.deepEqual(await bob.call("list"), []);
});

test("tells who watches", async () => {
  await using lab = await openLab();
  const ada = await lab.twin();
  const line = await ada.call("sign", { text: "x" });
  assert.deepEqual(await ada.events(), [{ topic: "guestbook.signed", capability: "guestbook", payload: { line } }]);
});

test("lets strangers neither read nor write, and contacts not read", async () => {
  await using lab = await openLab();
  const [ada, bob] = [await lab.twin(), await lab.twin()];
  await assert.rejects(ada.call("sign", { text: "x" }, { from: bob, circles: [] }), { code: "TWIN_CALL_DENIED" });
  await assert.rejects(ada.call("list", {}, { from: bob }), { code: "TWIN_CALL_DENIED" });
});

test("refuses what does not fit its schemas", async () => {
  await using lab = await openLab();
  const ada = await lab.twin();
  for (const params of [{}, { text: "" }, { text: "x".repeat(501) }, { text: 1 }, { text: "x", more: true }]) {
    await assert.rejects(ada.call("sign", params), { code: "TWIN_CALL_PARAMS" });
  }
  assert.deepEqual(await ada.call("list"), []);
});

test("keeps everything over a kill, and counts on", async () => {
  await using lab = await openLab();
  const ada = await lab.twin();
  for (let count = 0; count < 20; count++) await ada.call("sign", { text: `line ${count}` });
  await ada.restart();
  const line = await ada.call<{ number: number }>("sign", { text: "after" });
  assert.equal(line.number, 21);
  assert.equal((await ada.call<unknown[]>("list", { limit: 200 })).length, 21);
});
