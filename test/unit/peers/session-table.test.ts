import { describe, expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import type { PeerSession } from "../../../host/peers/peer-session.ts";
import { SessionTable } from "../../../host/peers/session-table.ts";
import { testIdentity } from "../../support/test-identity.ts";

const { id: twin } = testIdentity(1);
const { id: local } = testIdentity(2);

function createSession(outbound: boolean, peerId = "peerB"): PeerSession & { over: boolean } {
  const ended = Promise.withResolvers<TwinError>();
  const session = {
    twin,
    peerId,
    outbound,
    address: "/ip4/192.0.2.1/tcp/1",
    over: false,
    ended: ended.promise,
    [Symbol.dispose]: () => {
      session.over = true;
      ended.resolve(new TwinError("TWIN_ABORTED", "Ended."));
    },
  };
  return session as unknown as PeerSession & { over: boolean };
}

function openTable(localPeer: string): { table: SessionTable; clock: { now: number } } {
  const clock = { now: 0 };
  const table = new SessionTable(
    { peerId: localPeer, twin: local },
    { nowMs: () => 0, elapsedMs: () => clock.now, sleep: async () => {} },
    { onStart: () => {}, onEnd: () => {} },
  );
  return { table, clock };
}

describe("session table", () => {
  test("keeps the same one of two simultaneous sessions at both ends, in whichever order they come", () => {
    for (const [adaFirst, benFirst] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ]) {
      const keep = (localPeer: string, remotePeer: string, outboundFirst: boolean): "mine" | "theirs" => {
        const { table } = openTable(localPeer);
        const sessions = [createSession(outboundFirst, remotePeer), createSession(!outboundFirst, remotePeer)];
        for (const session of sessions) table.add(session);
        expect(sessions.filter(({ over }) => over)).toHaveLength(1);
        return table.get(twin)?.outbound === true ? "mine" : "theirs";
      };
      expect(keep("peerA", "peerB", adaFirst!)).toBe("mine");
      expect(keep("peerB", "peerA", benFirst!)).toBe("theirs");
    }
  });

  test("lets a later session replace one that may be dead, whoever dialled", () => {
    for (const outbound of [true, false]) {
      const { table, clock } = openTable("peerA");
      const dead = createSession(true);
      const fresh = createSession(outbound);
      table.add(dead);
      clock.now += 60_000;
      table.add(fresh);
      expect(table.get(twin)).toBe(fresh);
      expect(dead.over).toBe(true);
    }
  });

  test("lets a twin that moved to another host replace its session at once", () => {
    const { table } = openTable("peerA");
    table.add(createSession(true, "peerB"));
    const moved = createSession(false, "peerC");
    table.add(moved);
    expect(table.get(twin)).toBe(moved);
  });

  test("forgets a session that ended, and not its successor", async () => {
    const { table, clock } = openTable("peerA");
    const first = createSession(true);
    table.add(first);
    clock.now += 60_000;
    const second = createSession(true);
    table.add(second);
    await first.ended;
    await Promise.resolve();
    expect(table.get(twin)).toBe(second);
    second[Symbol.dispose]();
    await second.ended;
    await Promise.resolve();
    expect(table.get(twin)).toBeUndefined();
  });
});
