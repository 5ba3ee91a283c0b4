import { once } from "node:events";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { dial, dialCandidates, type DialCandidate, type DialParts } from "../../../host/peers/dialer.ts";
import { openNode } from "../../support/open-node.ts";
import { openSilentHost, type SilentHost } from "../../support/silent-host.ts";
import { testIdentity } from "../../support/test-identity.ts";

const LOOPBACK = ["/ip4/127.0.0.1/tcp/0"];
let node: Libp2p;
let parts: DialParts;
/** How often a dialled address was given its head start. */
let staggers: number;

async function open(number: number, listen: string[]): Promise<Libp2p> {
  const opened = await openNode(await generateKeyPairFromSeed("Ed25519", new Uint8Array(32).fill(number)), listen);
  onTestFinished(() => opened.stop());
  return opened;
}

async function openSilence(): Promise<SilentHost> {
  const host = await openSilentHost();
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

const candidate = (address: string, peerId?: string): DialCandidate => ({ address: multiaddr(address), peerId });
const addressOf = (listener: Libp2p): string =>
  listener
    .getMultiaddrs()[0]!
    .toString()
    .replace(/\/p2p\/.*$/u, "");
const signal = new AbortController().signal;

beforeEach(async () => {
  staggers = 0;
  node = await open(1, []);
  const clock = {
    ...systemClock,
    // No waiting: the head start is over at once.
    sleep: async () => {
      staggers++;
    },
  };
  parts = { node, clock, log: silentLog };
});

describe("a dial", () => {
  test("is not held up by addresses that swallow what they get", async () => {
    const listener = await open(2, LOOPBACK);
    const peerId = listener.peerId.toString();
    const silences = await Promise.all(Array.from({ length: 5 }, openSilence));
    const silent = silences.map(({ address }) => candidate(address, peerId));
    const connection = await dial([...silent, candidate(addressOf(listener), peerId)], parts, { signal });
    expect(connection.remotePeer.toString()).toBe(peerId);
    expect(staggers).toBeGreaterThanOrEqual(5);
  });

  test("takes the connection that there is", async () => {
    const listener = await open(2, LOOPBACK);
    const candidates = [candidate("/ip4/127.0.0.1/tcp/1", listener.peerId.toString())];
    const first = await dial([candidate(addressOf(listener))], parts, { signal });
    expect(await dial(candidates, parts, { signal })).toBe(first);
  });

  test("passes over a host that is another one, and ends the connection to it", async () => {
    const [wrong, right] = [await open(2, LOOPBACK), await open(3, LOOPBACK)];
    const peerId = right.peerId.toString();
    const candidates = [candidate(addressOf(wrong), peerId), candidate(addressOf(right), peerId)];
    const connection = await dial(candidates, parts, { signal });
    expect(connection.remotePeer.toString()).toBe(peerId);
    await expect.poll(() => node.getConnections(wrong.peerId)).toEqual([]);
  });

  test("says where nobody answers", async () => {
    const dialled = dial([candidate("/ip4/127.0.0.1/tcp/1"), candidate("/ip4/127.0.0.1/tcp/2")], parts, { signal });
    await expect(dialled).rejects.toMatchObject({
      code: "TWIN_PEER_OFFLINE",
      message: expect.stringContaining("/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2"),
    });
  });

  test("ends with the reason of who gives it up, and leaves nothing open", async () => {
    const silence = await openSilence();
    const stop = new AbortController();
    const dialled = dial([candidate(silence.address)], parts, { signal: stop.signal });
    await expect.poll(() => silence.sockets.size).toBe(1);
    const [socket] = silence.sockets;
    const closed = once(socket!.resume(), "close");
    stop.abort(new Error("enough"));
    await expect(dialled).rejects.toThrow("enough");
    await closed;
  });
});

test("addresses are tried from the one that worked last, and unreadable ones not at all", () => {
  const [old, now] = ["12D3KooWA", "12D3KooWB"];
  const record = {
    twin: testIdentity(2).id,
    hosts: [
      { peerId: old, multiaddrs: ["/ip4/10.0.0.1/tcp/1"], relays: [] },
      { peerId: now, multiaddrs: ["/ip4/10.0.0.2/tcp/2", "nonsense", "/ip4/10.0.0.3/tcp/3/p2p/12D3KooWB"], relays: [] },
    ],
  } as unknown as Parameters<typeof dialCandidates>[0];
  const seen = { atMs: 1, peerId: now, address: "/ip4/10.0.0.3/tcp/3" };
  const tried = dialCandidates(record, seen).map(({ address, peerId }) => [address.toString(), peerId]);
  expect(tried).toEqual([
    ["/ip4/10.0.0.3/tcp/3", now],
    ["/ip4/10.0.0.2/tcp/2", now],
    ["/ip4/10.0.0.1/tcp/1", old],
  ]);
  expect(dialCandidates(record, undefined).map(({ peerId }) => peerId)).toEqual([old, now, now]);
});
