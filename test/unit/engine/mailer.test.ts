// Runs host/engine/mailer.ts: what a worker tells, and what it does not for want of somebody who hears it.

import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { unpackAnswers } from "../../../host/engine/call-packing.ts";
import type { Receipt } from "../../../host/engine/engine.ts";
import { Mailer } from "../../../host/engine/mailer.ts";
import { lonelySpan } from "../../../host/engine/trace.ts";
import type { FromWorker } from "../../../host/engine/worker-messages.ts";

const RECEIPT: Receipt = {
  sequence: 7,
  atMs: 1,
  caller: "owner",
  capability: "probe",
  version: "1.0.0",
  moduleHash: "00",
  method: "put",
  outcome: "ok",
  fuel: 1,
  memorySizeBytes: 1,
  hostCalls: {},
  bytes: { in: 1, out: 1, read: 0, written: 0, received: 0, sent: 0 },
  queueMs: 0,
  runMs: 0,
  trace: lonelySpan("0123456789abcdef", 7),
};
let posted: FromWorker[];
let mailer: Mailer;

beforeEach(() => {
  posted = [];
  mailer = new Mailer((message) => posted.push(message));
});

test("receipts are told while somebody hears them, by whatever thread that was said", async () => {
  const hearers = new SharedArrayBuffer(4);
  mailer.heedHearers(hearers);
  const news = { outboxPeers: [], events: [], receipts: [RECEIPT] };
  mailer.tell(1, news);
  await nextTurn();
  expect(posted).toEqual([]);
  Atomics.store(new Int32Array(hearers), 0, 1);
  mailer.tell(1, news);
  await nextTurn();
  expect(posted).toHaveLength(1);
  const { receipts } = unpackAnswers(posted[0] as Uint8Array<ArrayBuffer>);
  expect(receipts).toMatchObject([{ slot: 1, receipt: { sequence: 7 } }]);
});

test("of deliveries that took effect their ids are told, of others what became of them", async () => {
  const gap = { status: "gap", expected: 3 } as const;
  mailer.reply({ id: 1, answer: { status: "done" } });
  mailer.reply({ id: 2, answer: gap });
  mailer.reply({ id: 3, answer: { status: "done" } });
  await nextTurn();
  expect(posted).toMatchObject([{ kind: "batch", done: [1, 3], replies: [{ id: 2, answer: gap }] }]);
});
