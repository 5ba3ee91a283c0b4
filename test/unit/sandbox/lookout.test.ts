import { availableParallelism } from "node:os";
import { MessageChannel } from "node:worker_threads";

import { afterEach, describe, expect, it } from "vitest";

import { Lookout } from "../../../host/sandbox/lookout.ts";

/** A line whose other end sends nothing by itself, with a clock that goes on by a microsecond at each look. */
function openLine() {
  const { port1, port2 } = new MessageChannel();
  const state = { sent: 0, looks: 0 };
  const send = (message: unknown): void => {
    port2.postMessage(message);
    state.sent += 1;
  };
  const clock = { elapsedMs: () => (state.looks += 1) / 1_000 };
  const lookout = new Lookout({ port: port1, clock, messageCount: () => state.sent });
  open.push(port1, port2);
  return { send, lookout, state };
}

const open: { close(): void }[] = [];

afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

describe.skipIf(availableParallelism() === 1)("a lookout", () => {
  it("hands on what has come, in order, until it is told to stop", () => {
    const { send, lookout } = openLine();
    const heard: unknown[] = [];
    lookout.watch(() => true);
    for (const message of [1, 2, 3]) send(message);
    lookout.watch((message) => heard.push(message) < 2);
    expect(heard).toEqual([1, 2]);
  });

  it("gives the event loop its turn under any flood", () => {
    const { send, lookout } = openLine();
    let count = 0;
    lookout.watch(() => true);
    send(0);
    lookout.watch(() => {
      count += 1;
      send(count);
      return true;
    });
    expect(count).toBe(64);
  });

  it("looks more and more rarely when nothing comes", () => {
    const { lookout, state } = openLine();
    let chancesWithLooks = 0;
    for (let chance = 0; chance < 2_000; chance++) {
      const { looks } = state;
      lookout.watch(() => true);
      if (state.looks > looks) chancesWithLooks += 1;
    }
    expect(chancesWithLooks).toBeGreaterThan(5);
    expect(chancesWithLooks).toBeLessThan(20);
  });
});
