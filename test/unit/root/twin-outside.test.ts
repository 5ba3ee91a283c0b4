import { expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { CallRequest } from "../../../host/engine/engine.ts";
import { TwinOutside } from "../../../host/twin-outside.ts";
import { openEngineBench } from "../../support/engine-bench.ts";
import { PROBE_PEER, PROBE_TASKS, probePackage } from "../../support/probe-package.ts";
import { openTestHost, until } from "../../support/test-peers.ts";

test("A task asks the twin of a contact on another host, and learns when it cannot", async () => {
  const outside = new TwinOutside();
  await using bench = await openEngineBench({ outside });
  const permissions = ["peer_call", { http: ["api.example.com"] }] as const;
  await bench.do("install", probePackage({ tasks: PROBE_TASKS, asks: permissions }));
  const ask = (): Promise<unknown> => bench.call("ask_peer", "hello");
  expect(await ask()).toMatchObject({ code: "TWIN_PEER_OFFLINE" });

  await using ada = await openTestHost(1);
  await using ben = await openTestHost(99);
  expect(ben.identity.id).toBe(PROBE_PEER);
  outside.connect(ada.peers);
  expect(await ask()).toMatchObject({ code: "TWIN_PEER_UNKNOWN" });

  const asked: CallRequest[] = [];
  ben.engine.onCall = async (request) => {
    asked.push(request);
    return jsonEncode(`${String(jsonDecode(request.payload))} yourself`);
  };
  await ada.peers.accept((await ben.peers.invite()).code);
  // Of two sessions that begin at once one ends again.
  await until(async () => (await ask()) === "hello yourself");
  const receipt = await bench.receiptOf("ask_peer", "hello");
  expect(asked.at(-1)).toMatchObject({
    holder: { kind: "peer", twin: ada.identity.id, circles: ["friends"] },
    capability: "probe",
    method: "echo",
    trace: expect.stringContaining(`${receipt.trace.id}-${receipt.trace.span}`),
  });
  expect(receipt.bytes).toMatchObject({ sent: 7, received: 16 });

  ben.engine.onCall = async () => {
    throw new TwinError("TWIN_CALL_DENIED", "Not you.", { receipt: 5 });
  };
  expect(await ask()).toEqual({ code: "TWIN_CALL_DENIED", message: "Not you." });
  for (const nonsense of [new Uint8Array(LIMITS.engine.payloadSizeBytes + 1), Uint8Array.of(0xff), new Uint8Array()]) {
    ben.engine.onCall = async () => nonsense;
    expect(await ask()).toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
  }
});
