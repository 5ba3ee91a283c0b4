import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { FairQueue } from "../../../host/engine/fair-queue.ts";
import { CommitCosts } from "../../../host/state/commit-costs.ts";
import { openJournal } from "../../../host/state/journal.ts";
import { openJournalStateStore } from "../../../host/state/journal-state-store.ts";
import type { StateWrite } from "../../../host/state/state-store.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

function writes(sizeBytes: number, count = 1): StateWrite[] {
  return Array.from({ length: count }, () => {
    return { namespace: "a", key: Uint8Array.of(1), value: new Uint8Array(sizeBytes) };
  });
}

function open(): {
  readonly costs: CommitCosts;
  /** Commits, and says what that costs whoever has done it. */
  readonly commit: (...rows: readonly StateWrite[]) => number;
  readonly spend: (durationMs: number) => void;
} {
  const clock = createManualClock();
  const costs = new CommitCosts(clock);
  return {
    costs,
    commit: (...rows) => {
      const before = costs.committedSizeBytes;
      costs.add(rows);
      return costs.priceMs(costs.committedSizeBytes - before);
    },
    spend: (durationMs) => costs.spend(() => clock.advance(durationMs)),
  };
}

describe("what commits cost later", () => {
  test("is nothing as long as nobody knows", () => {
    const { costs, commit } = open();
    expect([costs.priceMs(100), commit(), commit(...writes(10))]).toEqual([0, 0, 0]);
  });

  test("is charged to whoever commits, all of it, in parts that are as large as what they write", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4_096 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const { costs, commit, spend } = open();
        let [chargedMs, spentMs] = [0, 0];
        for (let round = 0; round < 100; round++) {
          for (const size of sizes) chargedMs += commit(...writes(size));
          spend(sizes.length);
          spentMs += sizes.length;
        }
        // At the beginning nobody knew the price.
        expect(chargedMs / spentMs).toBeGreaterThan(0.9);
        expect(chargedMs / spentMs).toBeLessThan(1.1);
        expect(costs.priceMs(100_000) / costs.priceMs(1)).toBeCloseTo(100_000);
      }),
      { numRuns: 20 },
    );
  });

  test("follows a disk that becomes quick", () => {
    const { commit, spend } = open();
    const [row] = writes(4_096) as [StateWrite];
    for (let count = 0; count < 2_000; count++) {
      commit(row);
      spend(1);
    }
    const before = commit(...writes(4_096));
    for (let count = 0; count < 8_000; count++) {
      commit(row);
      spend(0.1);
    }
    expect(before).toBeCloseTo(1, 1);
    expect(commit(...writes(4_096))).toBeCloseTo(0.1, 1);
  });

  test("counts work that fails, and passes on how it did", () => {
    const clock = createManualClock();
    const costs = new CommitCosts(clock);
    costs.add(writes(100));
    const fail = (): never => {
      clock.advance(5);
      throw new Error("no room");
    };
    expect(() => costs.spend(fail)).toThrow("no room");
    expect(costs.priceMs(costs.committedSizeBytes)).toBe(5);
  });

  test("counts what a store commits, not what it refuses, and the time of its records and of its tables", async () => {
    const clock = createManualClock();
    const costs = new CommitCosts({ elapsedMs: () => (clock.advance(1), clock.elapsedMs()) });
    const shared = { kernels: referenceKernels, log: silentLog };
    const journal = await openJournal({ ...shared, folder: createFaultyJournalFolder(), costs });
    const path = join(mkdtempSync(join(tmpdir(), "twin-costs-")), "state.sqlite");
    const [key, random] = [new Uint8Array(32), createSeededRandom("costs")];
    const store = openJournalStateStore({ ...shared, journal, path, key, random, clock, twin: "ann" });
    expect(() => store.commit([{ namespace: "a", key: new Uint8Array(), value: new Uint8Array(9) }])).toThrow(
      RangeError,
    );
    expect(costs.committedSizeBytes).toBe(0);
    await store.commit(writes(100));
    const recordMs = costs.priceMs(costs.committedSizeBytes);
    expect([costs.committedSizeBytes, recordMs]).toEqual([256 + 1 + 100, 1]);
    await store.catchUp();
    expect(costs.priceMs(costs.committedSizeBytes)).toBeGreaterThan(recordMs);
    await store[Symbol.asyncDispose]();
    rmSync(dirname(path), { recursive: true });
  });

  test("makes one who only reads come first, for as long as a writer's rows take", () => {
    const { commit, spend } = open();
    const queue = new FairQueue();
    for (let id = 0; id < 2_000; id++)
      queue.push({ id, slot: 1, caller: id % 2 === 0 ? "reader" : "writer", lane: "" });
    const served = { reader: 0, writer: 0 };
    for (let count = 0; count < 800; count++) {
      const next = queue.next()!;
      const isWriter = next.caller === "writer";
      served[isWriter ? "writer" : "reader"] += 1;
      // Each call runs for as long; what a writer's has committed takes as long as two more, later.
      const laterMs = isWriter ? commit(...writes(100)) : 0;
      queue.charge(next, 1 + laterMs);
      if (isWriter) spend(2);
    }
    expect(served.reader / served.writer).toBeCloseTo(3, 0);
  });
});
