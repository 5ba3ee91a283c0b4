import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { TwinEvent } from "../../../host/engine/engine.ts";
import { EventFeed } from "../../../host/rpc/event-feed.ts";
import { createFakeEngine, type FakeEngine } from "../../support/fake-engine.ts";
import { createManualClock } from "../../support/manual-clock.ts";

interface Followed {
  readonly seen: number[];
  readonly failures: TwinError[];
  readonly feed: EventFeed;
}

async function follow(
  engine: FakeEngine,
  afterSequence: number,
  deliver: (event: TwinEvent) => Promise<void> = async () => {},
): Promise<Followed> {
  const seen: number[] = [];
  const failures: TwinError[] = [];
  const feed = await EventFeed.open({
    engine,
    clock: createManualClock(),
    afterSequence,
    deliver: async (event) => {
      seen.push(event.sequence);
      await deliver(event);
    },
    onFail: (reason) => void failures.push(reason),
  });
  return { seen, failures, feed };
}

function emitMany(engine: FakeEngine, count: number): void {
  for (let index = 0; index < count; index++) engine.emit("chat", "message", {});
}

const upTo = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("an event feed", () => {
  it("gives each event once and in order, whenever they happen and however slow the listener is", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(100),
        fc.nat(100),
        fc.array(fc.record({ burst: fc.integer({ min: 1, max: 90 }), turns: fc.nat(6) }), { maxLength: 8 }),
        async (missed, after, bursts) => {
          const engine = createFakeEngine();
          emitMany(engine, missed);
          const { seen, failures, feed } = await follow(engine, Math.min(after, missed), async () => {
            await Promise.resolve();
          });
          for (const { burst, turns } of bursts) {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            emitMany(engine, burst);
          }
          const last = missed + bursts.reduce((sum, { burst }) => sum + burst, 0);
          await expect.poll(() => seen.length, { interval: 1 }).toBe(last - Math.min(after, missed));
          expect(seen).toEqual(upTo(Math.min(after, missed) + 1, last));
          expect(failures).toEqual([]);
          feed[Symbol.dispose]();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("begins with what happens next when asked for live events only", async () => {
    const engine = createFakeEngine();
    emitMany(engine, 5);
    const { seen } = await follow(engine, -1);
    emitMany(engine, 2);
    await expect.poll(() => seen).toEqual([6, 7]);
  });

  it("holds a bounded number of events for a listener that never answers, and none when disposed", async () => {
    const engine = createFakeEngine();
    emitMany(engine, LIMITS.rpc.deliveriesInFlight * 3);
    const { seen, feed } = await follow(engine, 0, () => new Promise(() => {}));
    await expect.poll(() => seen.length).toBe(LIMITS.rpc.deliveriesInFlight);
    feed[Symbol.dispose]();
    expect(engine.listenerCount).toBe(0);
  });

  it("goes on after the engine has restarted under it", async () => {
    const engine = createFakeEngine();
    const clock = createManualClock();
    const seen: number[] = [];
    engine.eventFailures.push(
      new TwinError("TWIN_ENGINE_RESTARTED", "again"),
      new TwinError("TWIN_ENGINE_RESTARTED", "again"),
    );
    const feed = await EventFeed.open({
      engine,
      clock,
      afterSequence: 0,
      deliver: async ({ sequence }) => void seen.push(sequence),
      onFail: () => expect.unreachable(),
    });
    emitMany(engine, 2);
    await expect
      .poll(() => {
        clock.advance(1_000);
        return seen;
      })
      .toEqual([1, 2]);
    feed[Symbol.dispose]();
  });

  it("ends with the oldest event that is left when it asks for older ones", async () => {
    const engine = createFakeEngine();
    emitMany(engine, 10);
    engine.oldestEvent = 5;
    const { failures } = await follow(engine, 2);
    await expect.poll(() => failures).toMatchObject([{ code: "TWIN_LIMIT_EXCEEDED", details: { oldest: 5 } }]);
    expect(engine.listenerCount).toBe(0);
  });

  it("ends when its listener throws, and says nothing of why to the other side", async () => {
    const engine = createFakeEngine();
    const { failures } = await follow(engine, 0, async () => {
      throw new Error("my secret");
    });
    emitMany(engine, 1);
    await expect.poll(() => failures).toMatchObject([{ code: "TWIN_ABORTED" }]);
    expect(JSON.stringify(failures[0]!.toWire())).not.toContain("secret");
  });

  it("leaves no listener behind when the engine cannot be asked", async () => {
    const engine = createFakeEngine();
    engine.status = () => Promise.reject(new TwinError("TWIN_HOST_BUSY", "later"));
    await expect(follow(engine, -1)).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    expect(engine.listenerCount).toBe(0);
  });
});
