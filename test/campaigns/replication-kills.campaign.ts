// kill -9 of a real host that copies its twin into its vault under load, and of every restore from four of its six
// stores: what the host called safe comes back, whatever else does comes in one piece, and no restore leaves a half twin.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCampaign } from "../support/campaign.ts";
import { killWhileReplicating } from "../support/replication-kills.ts";

const ROUNDS = Number(process.env["CAMPAIGN_ROUNDS"] ?? 4);
const place = await mkdtemp(join(tmpdir(), "replication-"));
afterAll(() => rm(place, { recursive: true, force: true }));

test(`${ROUNDS} kills of the host and up to three of each restore lose nothing that was called safe`, async () => {
  const { below } = startCampaign(2);
  const log = (line: string): void => void process.stdout.write(`${line}\n`);
  const { acknowledged, safe, restoresKilled, roots } = await killWhileReplicating(place, {
    rounds: ROUNDS,
    below,
    log,
  });
  log(`${restoresKilled} restores killed`);
  expect(safe).toBe(acknowledged);
  expect(acknowledged).toBeGreaterThan(ROUNDS);
  expect(restoresKilled).toBeGreaterThan(0);
  expect(roots[0]).toBe(roots[1]);
}, 600_000);
