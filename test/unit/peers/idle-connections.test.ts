import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { closeIdleConnections } from "../../../host/peers/idle-connections.ts";
import { openNode } from "../../support/open-node.ts";
import { until } from "../../support/test-peers.ts";

test("a connection that nobody uses is closed at its second look, and one with a stream is not", async () => {
  const stop = new AbortController();
  const nodes = await Promise.all(
    [1, 2, 3].map(async (seed) =>
      openNode(await generateKeyPairFromSeed("Ed25519", new Uint8Array(32).fill(seed)), ["/ip4/127.0.0.1/tcp/0"]),
    ),
  );
  onTestFinished(async () => {
    stop.abort();
    for (const node of nodes) await node.stop();
  });
  const [server, busy, silent] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  await server.handle("/test/1", () => {});
  await busy.dialProtocol(server.getMultiaddrs(), "/test/1");
  await silent.dial(server.getMultiaddrs());
  await until(() => server.getConnections().length === 2);
  let looks = 0;
  const next: PromiseWithResolvers<void>[] = [];
  const clock = {
    ...systemClock,
    sleep: (_: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> => {
      looks++;
      const turn = Promise.withResolvers<void>();
      next.push(turn);
      options?.signal?.addEventListener("abort", () => turn.reject(new Error("Stopped.")));
      return turn.promise;
    },
  };
  const closing = closeIdleConnections(server, ["/test/1"], { clock, signal: stop.signal });
  next.shift()?.resolve();
  await until(() => looks === 2);
  expect(server.getConnections()).toHaveLength(2);
  next.shift()?.resolve();
  await until(() => server.getConnections().length === 1);
  expect(server.getConnections()[0]?.remotePeer.equals(busy.peerId)).toBe(true);
  stop.abort();
  await closing;
});
