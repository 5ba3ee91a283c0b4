// The vault that looks after itself: what is lost is found and made again, without anybody asking.

import { expect, onTestFinished, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { keepVault } from "../../../host/keep-vault.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes } from "../../support/test-vault.ts";

const HOUR_MS = LIMITS.vault.sampleIntervalMs;

test("a lost store is made again within an hour, and is trusted again after a walk over it", async () => {
  const { vault, stores, clock } = await openTestVault();
  for (let seed = 0; seed < 3; seed++) await putBytes(vault, seededBytes(seed, 20_000));
  const told: string[] = [];
  const keeper = keepVault({ vault, clock, log: silentLog, changes: { announce: (what) => told.push(what) } });
  onTestFinished(() => keeper[Symbol.asyncDispose]());
  stores[4]!.inner.shards.clear();
  expect(await vault.status()).toMatchObject({ margin: 1, degradedSegments: 3 });
  clock.advance(HOUR_MS);
  while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect([...stores[4]!.inner.shards.keys()].filter((name) => !name.startsWith("mark-"))).toHaveLength(3);
  for (let hour = 0; hour < 24; hour++) {
    clock.advance(HOUR_MS);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await vault.status()).toMatchObject({ margin: 2, degradedSegments: 0 });
});

test("every shard is read once a month", async () => {
  const { vault, clock } = await openTestVault();
  await putBytes(vault, seededBytes(1, 20_000));
  const keeper = keepVault({ vault, clock, log: silentLog, changes: { announce: () => {} } });
  onTestFinished(() => keeper[Symbol.asyncDispose]());
  const scrubbedAt = async (): Promise<number | undefined> => (await vault.status()).lastScrub?.finishedAtMs;
  clock.advance(HOUR_MS);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(await scrubbedAt()).toBeUndefined();
  clock.advance(LIMITS.vault.scrubIntervalMs);
  while ((await scrubbedAt()) === undefined) await new Promise((resolve) => setImmediate(resolve));
});
