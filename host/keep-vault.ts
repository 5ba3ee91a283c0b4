// Looks after the vault while the host runs: a sample of the shards every hour, a repair of what it finds, a
// compaction every day, and a walk over every shard once a month.

import type { Clock } from "./base/clock.ts";
import { toTwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import type { ChangeHub } from "./rpc/change-hub.ts";
import type { Vault } from "./vault/object.ts";

/** What keeping needs. */
export interface VaultKeeperParts {
  readonly vault: Pick<Vault, "sample" | "repair" | "scrub" | "compact" | "status">;
  readonly changes: Pick<ChangeHub, "announce">;
  readonly clock: Clock;
  readonly log: Log;
}

/** A store that was emptied is walked again at most this often. */
const RESCRUB_MS = 24 * 60 * 60 * 1_000;

/** One look: a sample, a repair of what it found, and a walk over everything when the last one is long ago; `sinceMs` stands for it when there was none. */
export async function lookAfterVault(
  { vault, changes, clock }: Omit<VaultKeeperParts, "log">,
  { sinceMs, signal }: { readonly sinceMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { shardsMissing, shardsCorrupt } = await vault.sample(LIMITS.vault.sampleCount, { signal });
  const before = await vault.status();
  const repair = before.degradedSegments > 0 ? await vault.repair({ signal }) : undefined;
  const walkedMs = clock.nowMs() - (before.lastScrub?.finishedAtMs ?? sinceMs);
  // What says that a store is whole again is a walk over all of it.
  const isEmptied = (repair?.shardsRepaired ?? 0) > 0 && before.stores.some(({ healthy }) => !healthy);
  if (walkedMs >= LIMITS.vault.scrubIntervalMs || (isEmptied && walkedMs >= RESCRUB_MS)) await vault.scrub({ signal });
  if (shardsMissing + shardsCorrupt > 0 || repair !== undefined) changes.announce("vault");
}

/** Begins to look after the vault. Disposing ends it, and the work that is at hand. */
export function keepVault(parts: VaultKeeperParts): AsyncDisposable {
  const { vault, clock, log } = parts;
  const stop = new AbortController();
  const { signal } = stop;
  const startedAtMs = clock.nowMs();
  let compactedAtMs = startedAtMs;

  async function look(): Promise<void> {
    await lookAfterVault(parts, { sinceMs: startedAtMs, signal });
    if (clock.nowMs() - compactedAtMs >= LIMITS.vault.compactIntervalMs) {
      compactedAtMs = clock.nowMs();
      await vault.compact({ signal });
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      await clock.sleep(LIMITS.vault.sampleIntervalMs, { signal });
      await look().catch((thrown: unknown) => {
        if (!signal.aborted) log.warn({ code: toTwinError(thrown).code }, "the vault could not be looked after");
      });
    }
  }

  const running = run().catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
