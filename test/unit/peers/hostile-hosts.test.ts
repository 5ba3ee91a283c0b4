// Hosts that do not play by the rules, over real connections.

import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, onTestFinished, test } from "vitest";
import { jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { FrameStream } from "../../../host/peers/frame-stream.ts";
import { twinHash } from "../../../host/peers/invite-code.ts";
import { openNode } from "../../support/open-node.ts";
import { proveTwins } from "../../../host/peers/twin-proof.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import type { PeerApi } from "../../../host/rpc/api.ts";
import { openFrameSession, remoteAnswer } from "../../../host/rpc/frame-session.ts";
import { createRecordTarget } from "../../support/record-target.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { openTestHost, type TestHost, until } from "../../support/test-peers.ts";

const RPC = "/twin/rpc/1";
const PAIR = "/twin/pair/1";
/** Of a message with two bytes. */
const HEAD = { capability: "chat", method: "receive", sizeBytes: 2 };

async function open(...args: Parameters<typeof openTestHost>): Promise<TestHost> {
  const host = await openTestHost(...args);
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

/** A bare node of an attacker, connected to `host`. */
async function attack(host: TestHost): Promise<{ node: Libp2p; connection: Connection }> {
  const node = await openNode(await generateKeyPairFromSeed("Ed25519", systemRandom.bytes(32)), []);
  onTestFinished(() => node.stop());
  return { node, connection: await node.dial(multiaddr(host.peers.addresses[0])) };
}

const closed = (stream: Stream): Promise<unknown> =>
  stream.status === "open"
    ? new Promise((resolve) => stream.addEventListener("close", resolve, { once: true }))
    : Promise.resolve();

/** Ada still does her work: the only proof that an attack on her was in vain. */
async function expectAlive(ada: TestHost, ben: TestHost): Promise<void> {
  const before = ben.state.handled.length;
  ada.engine.send(ben.identity.id, utf8Encode("still here"));
  await until(() => ben.state.handled.length === before + 1);
}

async function openPair(): Promise<[TestHost, TestHost]> {
  const [ada, ben] = await Promise.all([open(1), open(2)]);
  await ben.peers.accept((await ada.peers.invite()).code);
  return [ada, ben];
}

/** Frames of a stream that says, as it must, whom it is for. */
async function askForAda(stream: Stream): Promise<FrameStream> {
  const frames = new FrameStream(stream, 1_000);
  await frames.send(twinHash(testIdentity(1).id));
  return frames;
}

async function prove(
  connection: Connection,
  node: Libp2p,
  twin: ReturnType<typeof testIdentity>,
): Promise<{ frames: FrameStream; stream: Stream }> {
  const stream = await connection.newStream(RPC);
  const frames = await askForAda(stream);
  const ends = { protocol: RPC, localPeer: node.peerId.toString(), remotePeer: connection.remotePeer.toString() };
  await proveTwins(frames, ends, twin, systemRandom);
  frames.limitFrames(4_000_000);
  return { frames, stream };
}

describe("a hostile host", () => {
  test("cannot speak for a twin whose key it does not have", async () => {
    const [ada, ben] = await openPair();
    const { node, connection } = await attack(ada);
    const mallory = testIdentity(3);
    const stream = await connection.newStream(RPC);
    const frames = await askForAda(stream);
    const forged = { ...mallory, id: ben.identity.id };
    const ends = { protocol: RPC, localPeer: node.peerId.toString(), remotePeer: connection.remotePeer.toString() };
    const proving = proveTwins(frames, ends, forged, systemRandom).catch(() => {});
    await closed(stream);
    await proving;
    await expectAlive(ada, ben);
    expect(ada.state.handled).toEqual([]);
  });

  test("may prove a stranger's twin, whose messages the engine refuses and whose record is not kept", async () => {
    const ada = await open(1);
    const { node, connection } = await attack(ada);
    const stranger = testIdentity(9);
    const { frames } = await prove(connection, node, stranger);
    const { remote } = openFrameSession<PeerApi>({ link: frames, log: silentLog });
    const heads = JSON.stringify([{ capability: "chat", method: "receive", sizeBytes: 2 }]);
    const batch = { firstSequence: 1, heads, payloads: utf8Encode("{}") };
    expect(await remoteAnswer(remote.deliver(batch))).toMatchObject({
      settledCount: 1,
      refused: [{ index: 0, error: { code: "TWIN_CALL_DENIED" } }],
    });
    expect(ada.state.handled).toEqual([]);
    expect(await ada.peers.status()).toEqual([]);
    expect(await remoteAnswer(remote.record())).toBeInstanceOf(Uint8Array);
  });

  test.each([
    ["that is no object", null],
    ["with a sequence of zero", { firstSequence: 0 }],
    ["with a sequence that is no number", { firstSequence: "1" }],
    ["with payloads that are text", { payloads: "{}" }],
    ["with payloads above the limit", { payloads: new Uint8Array(2_097_153) }],
    ["with more bytes than its heads name", { payloads: new Uint8Array(3) }],
    ["with fewer bytes than its heads name", { payloads: new Uint8Array(1) }],
    ["with heads that are no JSON", { heads: "[" }],
    ["with heads that are no list", { heads: "{}" }],
    ["without heads", { heads: "[]" }],
    ["with too many heads", { heads: JSON.stringify(Array.from({ length: 257 }, () => HEAD)) }],
    ["with a head that is no object", { heads: "[null]" }],
    ["with a capability that is no text", { heads: JSON.stringify([{ ...HEAD, capability: 1 }]) }],
    ["with a method that is too long", { heads: JSON.stringify([{ ...HEAD, method: "x".repeat(65) }]) }],
    ["with a size below zero", { heads: JSON.stringify([HEAD, { ...HEAD, sizeBytes: -2 }, HEAD]) }],
    ["with a size above the limit", { heads: JSON.stringify([{ ...HEAD, sizeBytes: 1_048_577 }]) }],
  ])("gets a batch %s refused before the engine sees it", async (_, change) => {
    const ada = await open(1);
    const { node, connection } = await attack(ada);
    const { frames } = await prove(connection, node, testIdentity(9));
    const { remote } = openFrameSession<PeerApi>({ link: frames, log: silentLog });
    let seen = 0;
    ada.engine.onDeliver = async () => {
      seen++;
      return undefined;
    };
    const good = { firstSequence: 1, heads: JSON.stringify([HEAD]), payloads: utf8Encode("{}") };
    const batch = (change === null ? null : { ...good, ...change }) as unknown as typeof good;
    await expect(remoteAnswer(remote.deliver(batch))).rejects.toMatchObject({
      code: expect.stringMatching(/^TWIN_(?:INPUT_INVALID|LIMIT)/u),
    });
    expect(seen).toBe(0);
  });

  test("ends only its own stream by frames that are oversized, cut or garbage, before and after the proof", async () => {
    const [ada, ben] = await openPair();
    const attacks: Uint8Array[] = [
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0, 0, 0, 66, 1),
      utf8Encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      new Uint8Array(100_000).fill(0x41),
      Uint8Array.of(0, 0, 0, 0),
    ];
    for (const protocol of [RPC, PAIR]) {
      for (const bytes of attacks) {
        const { connection } = await attack(ada);
        const stream = await connection.newStream(protocol);
        stream.send(bytes);
        await stream.close();
        await closed(stream);
      }
    }
    for (const bytes of [...attacks, jsonEncode(["push", "x"])]) {
      const fresh = await attack(ada);
      const { stream } = await prove(fresh.connection, fresh.node, testIdentity(9));
      stream.send(bytes);
      await stream.close();
      await closed(stream);
    }
    await expectAlive(ada, ben);
    expect(ada.state.handled).toEqual([]);
  });

  test("cannot pair without an invite, nor with a record of a third twin", async () => {
    const ada = await open(1);
    const requests = [
      utf8Encode("garbage"),
      jsonEncode(null),
      jsonEncode({ invite: 1, proof: 2, record: 3 }),
      jsonEncode({ invite: "AAAAAAAAAAA", proof: "AAAA", record: "AAAA" }),
      jsonEncode({ invite: "***", proof: "", record: "" }),
    ];
    for (const request of requests) {
      const { node, connection } = await attack(ada);
      const stream = await connection.newStream(PAIR);
      const frames = await askForAda(stream);
      const ends = { protocol: PAIR, localPeer: node.peerId.toString(), remotePeer: connection.remotePeer.toString() };
      await proveTwins(frames, ends, testIdentity(9), systemRandom);
      await frames.send(request);
      await closed(stream);
    }
    expect(ada.paired).toEqual([]);
    expect(await ada.peers.status()).toEqual([]);
  });

  test("is not taken for a contact at whose address it listens", async () => {
    const [ada, ben] = await openPair();
    await ben[Symbol.asyncDispose]();
    await until(async () => (await ada.peers.status())[0]?.online === false);
    ada.engine.send(ben.identity.id, utf8Encode("secret"));
    // The same host key at the same address, as a stolen disk has it, but another twin.
    const thief = await open(2, { listen: ben.listen, identity: testIdentity(7) });
    await until(async () => (await ada.peers.status())[0]?.problem?.includes("does not have its twin") === true);
    expect(thief.state.handled).toEqual([]);
    expect([...(await ada.engine.outboxPeers()).keys()]).toEqual([ben.identity.id]);
  });

  test("with a contact's own key cannot bring in an older record or that of a third twin", async () => {
    const [ada, ben] = await openPair();
    const [before] = await ada.peers.status();
    const content = { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts: [], name: "Stale" };
    for (const record of [
      signTwinRecord(ben.identity, content),
      signTwinRecord(testIdentity(8), content),
      utf8Encode("junk"),
    ]) {
      const { node, connection } = await attack(ada);
      const { frames } = await prove(connection, node, ben.identity);
      const asked = Promise.withResolvers<void>();
      const target = createRecordTarget(record, () => asked.resolve());
      openFrameSession({ link: frames, target, log: silentLog });
      await asked.promise;
    }
    await expectAlive(ada, ben);
    expect((await ada.peers.status()).map(({ twin, name }) => [twin, name])).toEqual([[before?.twin, before?.name]]);
  });

  test("gets few streams for whom nobody knows, proven or not, and others when it has closed some", async () => {
    const [ada, ben] = await openPair();
    const { node, connection } = await attack(ada);
    const stranger = (number: number): Promise<{ stream: Stream }> => prove(connection, node, testIdentity(number));
    const proven = await Promise.all([stranger(50), stranger(51)]);
    const left = LIMITS.peers.strangerStreamsPerConnection - proven.length;
    const silent = await Promise.all(Array.from({ length: left }, () => connection.newStream(RPC)));
    await expect(stranger(52)).rejects.toMatchObject({ code: "TWIN_PEER_OFFLINE" });
    const streams = [...proven.map(({ stream }) => stream), ...silent];
    expect(streams.every(({ status }) => status === "open")).toBe(true);
    await expectAlive(ada, ben);
    await streams[0]!.close();
    await until(() =>
      stranger(52).then(
        () => true,
        () => false,
      ),
    );
  });

  test("waits for nothing longer than the host lets it, and many of them do not stop others", async () => {
    const [ada, ben] = await openPair();
    const silent = await Promise.all(Array.from({ length: 10 }, () => attack(ada)));
    const streams = await Promise.all(silent.map(({ connection }) => connection.newStream(RPC)));
    await expectAlive(ada, ben);
    expect(streams.every(({ status }) => status === "open")).toBe(true);
  });
});

describe("a frame stream", () => {
  test("carries large frames both ways to a slow reader without loss", async () => {
    const [server, client] = await Promise.all(
      [1, 2].map(async (seed) =>
        openNode(await generateKeyPairFromSeed("Ed25519", new Uint8Array(32).fill(seed)), ["/ip4/127.0.0.1/tcp/0"]),
      ),
    );
    onTestFinished(async () => {
      await server!.stop();
      await client!.stop();
    });
    const frames = Array.from({ length: 12 }, (_, index) => new Uint8Array(1_000_000).fill(index));
    const received: Uint8Array[] = [];
    const done = Promise.withResolvers<void>();
    await server!.handle("/test/1", async (stream) => {
      const link = new FrameStream(stream, 2_000_000);
      for (let count = 0; count < frames.length; count++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        const frame = await link.receive();
        received.push(frame);
        await link.send(frame);
      }
      done.resolve();
    });
    const stream = await client!.dialProtocol(server!.getMultiaddrs(), "/test/1");
    const link = new FrameStream(stream, 2_000_000);
    let sent = 0;
    const sending = Promise.all(frames.map((frame) => link.send(frame).then(() => sent++)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(sent).toBeLessThan(frames.length);
    for (const frame of frames) expect((await link.receive())[0]).toBe(frame[0]);
    await Promise.all([sending, done.promise]);
    expect(received.map(({ length }) => length)).toEqual(frames.map(({ length }) => length));
  });
});
