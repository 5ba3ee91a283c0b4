// What the status says of work at hand, of the weakest object, and of puts that wait.

import { expect, test } from "vitest";
import { createWorkBoard } from "../../../host/vault/work-board.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes } from "../../support/test-vault.ts";

test("work says how far it is and how long it will take, and is gone when it fails", async () => {
  const clock = createManualClock();
  const board = createWorkBoard(clock);
  const told: unknown[] = [];
  const done = board.run(
    "repair",
    (...report) => told.push(report),
    async (report) => {
      expect(board.current()).toEqual({ kind: "repair", done: 0 });
      clock.advance(1_000);
      report(1, 4);
      expect(board.current()).toEqual({ kind: "repair", done: 1, total: 4, etaMs: 3_000 });
      report(2, undefined);
      expect(board.current()).toMatchObject({ done: 2, total: undefined });
      throw new Error("no");
    },
  );
  await expect(done).rejects.toThrow("no");
  expect(board.current()).toBeUndefined();
  expect(told).toEqual([
    [1, 4],
    [2, undefined],
  ]);
});

test("a status names the weakest object, the sample, the work and the puts at hand", async () => {
  const { vault, stores, clock } = await openTestVault();
  const strong = await putBytes(vault, seededBytes(1, 50_000), { name: "strong" });
  const shards = stores.map(({ inner }) => new Set(inner.shards.keys()));
  await putBytes(vault, seededBytes(2, 50_000), { name: "weak" });
  expect(await vault.status()).toMatchObject({ weakest: undefined, putsAtWork: 0, work: undefined });
  for (const [at, { inner }] of stores.slice(0, 2).entries()) {
    for (const name of inner.shards.keys()) if (!shards[at]!.has(name)) inner.shards.delete(name);
  }
  await vault.sample(9);
  expect(await vault.status()).toMatchObject({
    margin: 0,
    degradedSegments: 1,
    weakest: { name: "weak", margin: 0 },
    lastSample: { segments: 2, shardsMissing: 2, finishedAtMs: clock.nowMs() },
  });
  const seen: unknown[] = [];
  const repair = vault.repair({ onProgress: () => void vault.status().then(({ work }) => seen.push(work)) });
  const put = putBytes(vault, seededBytes(3, 50_000));
  expect((await vault.status()).putsAtWork).toBe(1);
  await Promise.all([repair, put]);
  expect(await vault.status()).toMatchObject({ weakest: undefined, margin: 2, putsAtWork: 0, work: undefined });
  expect(await vault.stat(strong.id)).toBeDefined();
});
