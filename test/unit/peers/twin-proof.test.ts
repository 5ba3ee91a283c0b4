import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { publicKeyOf } from "../../../host/identity/twin-id.ts";
import { proveTwins, type ProvenEnds, statement } from "../../../host/peers/twin-proof.ts";
import type { FrameLink } from "../../../host/rpc/frame-transport.ts";
import { createLinkPair } from "../../support/link-pair.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const ben = testIdentity(2);
const mallory = testIdentity(3);
const protocol = "/twin/rpc/1";

function prove(link: FrameLink, twin: typeof ada, localPeer: string, remotePeer: string): Promise<ProvenEnds> {
  const frames = { send: async (frame: Uint8Array) => link.send(frame), receive: () => link.receive() };
  return proveTwins(
    frames as Parameters<typeof proveTwins>[0],
    { protocol, localPeer, remotePeer },
    twin,
    systemRandom,
  );
}

const hello = (twin: typeof ada, nonce: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(1), publicKeyOf(twin.id), nonce);

describe("twin proof", () => {
  test("tells each side who the other is, and both the same facts", async () => {
    const [left, right] = createLinkPair();
    const [mine, theirs] = await Promise.all([prove(left, ada, "peerA", "peerB"), prove(right, ben, "peerB", "peerA")]);
    expect(mine.remote.twin).toBe(ben.id);
    expect(theirs.remote.twin).toBe(ada.id);
    expect(mine.local).toEqual(theirs.remote);
    expect(mine.remote).toEqual(theirs.local);
  });

  test("refuses a signature by another key than that of the twin claimed", async () => {
    const [left, right] = createLinkPair();
    const refused = Promise.allSettled([prove(left, ada, "peerA", "peerM")]);
    const refusal = {
      code: "TWIN_PEER_IMPOSTOR",
      details: { twin: ben.id },
    };
    const nonce = systemRandom.bytes(32);
    const theirs = (await right.receive()).slice(33);
    await right.send(hello(ben, nonce));
    const claim = statement(
      protocol,
      { peerId: "peerM", twin: ben.id, nonce },
      { peerId: "peerA", twin: ada.id, nonce: theirs },
    );
    await right.send(mallory.sign("peer-proof/1", claim));
    expect(await refused).toMatchObject([{ status: "rejected", reason: refusal }]);
  });

  test("refuses a statement that was made for another connection", async () => {
    // Ben proves himself honestly to Mallory, who carries each frame on to Ada at the same time.
    const [toBen, benEnd] = createLinkPair();
    const [toAda, adaEnd] = createLinkPair();
    const ended = Promise.allSettled([prove(adaEnd, ada, "peerA", "peerM"), prove(benEnd, ben, "peerB", "peerM")]);
    for (let frame = 0; frame < 2; frame++) {
      await toAda.send(await toBen.receive());
      await toBen.send(await toAda.receive());
    }
    for (const result of await ended)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "TWIN_PEER_IMPOSTOR" } });
  });

  test("refuses a statement that is replayed from an earlier connection of the same hosts", async () => {
    const [left, right] = createLinkPair();
    const recorded: Uint8Array[] = [];
    const recorder = { ...right, send: (frame: Uint8Array) => (recorded.push(frame), right.send(frame)) };
    await Promise.all([prove(left, ada, "peerA", "peerB"), prove(recorder, ben, "peerB", "peerA")]);
    const [again, replayer] = createLinkPair();
    const refused = Promise.allSettled([prove(again, ada, "peerA", "peerB")]);
    const refusal = { code: "TWIN_PEER_IMPOSTOR" };
    for (const frame of recorded) await replayer.send(frame);
    expect(await refused).toMatchObject([{ status: "rejected", reason: refusal }]);
  });

  test("refuses its own frames when they are mirrored", async () => {
    const [left, mirror] = createLinkPair();
    const refused = Promise.allSettled([prove(left, ada, "peerA", "peerM")]);
    const refusal = { code: "TWIN_PEER_IMPOSTOR" };
    await mirror.send(await mirror.receive());
    expect(await refused).toMatchObject([{ status: "rejected", reason: refusal }]);
  });

  test("refuses another host that claims to be this very twin, also with its key", async () => {
    const [left, right] = createLinkPair();
    for (const result of await Promise.allSettled([
      prove(left, ada, "peerA", "peerB"),
      prove(right, ada, "peerB", "peerA"),
    ]))
      expect(result).toMatchObject({ status: "rejected", reason: { code: "TWIN_PEER_IMPOSTOR" } });
  });

  test("refuses a statement of another protocol", async () => {
    const [left, right] = createLinkPair();
    const results = await Promise.allSettled([
      prove(left, ada, "peerA", "peerB"),
      proveTwins(
        right as unknown as Parameters<typeof proveTwins>[0],
        { protocol: "/twin/pair/1", localPeer: "peerB", remotePeer: "peerA" },
        ben,
        systemRandom,
      ),
    ]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "TWIN_PEER_IMPOSTOR" } });
  });

  test.each([
    ["an empty frame", new Uint8Array()],
    ["a short one", new Uint8Array(64).fill(1)],
    ["another version", concatBytes(Uint8Array.of(2), new Uint8Array(64))],
    ["text", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
  ])("refuses a greeting that is %s", async (_, frame) => {
    const [left, right] = createLinkPair();
    await right.send(frame);
    await expect(prove(left, ada, "peerA", "peerB")).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
  });

  test("binds every part, and keeps neighbours apart", () => {
    const nonce = new Uint8Array(32);
    const party = (peerId: string): Parameters<typeof statement>[1] => ({ peerId, twin: ada.id, nonce });
    expect(statement("p", party("ab"), party("c"))).not.toEqual(statement("p", party("a"), party("bc")));
    expect(statement("p", party("a"), party("b"))).not.toEqual(statement("p", party("b"), party("a")));
  });
});
