// What commits cost behind the calls that make them: their record is sealed and written, and their rows go to the
// tables, many at once and later. Whoever commits is charged for that at once, at the price that commits had lately.

import type { Clock } from "../base/clock.ts";
import type { StateWrite } from "./state-store.ts";

/** What a row costs besides its bytes, in bytes. */
const ROW_SIZE_BYTES = 256;
/** After so many bytes what came before counts half. */
const RECENT_SIZE_BYTES = 4 * 1024 * 1024;

/** The costs of all commits of one worker. */
export class CommitCosts {
  readonly #clock: Pick<Clock, "elapsedMs">;
  #committedSizeBytes = 0;
  #recentSizeBytes = 0;
  #recentMs = 0;

  constructor(clock: Pick<Clock, "elapsedMs">) {
    this.#clock = clock;
  }

  /** What was committed so far, in bytes, where each row counts for some more than its own. */
  get committedSizeBytes(): number {
    return this.#committedSizeBytes;
  }

  /** Counts what is committed. */
  add(writes: readonly StateWrite[]): void {
    let sizeBytes = 0;
    for (const { key, value } of writes) sizeBytes += ROW_SIZE_BYTES + key.length + (value?.length ?? 0);
    this.#committedSizeBytes += sizeBytes;
    this.#recentSizeBytes += sizeBytes;
    if (this.#recentSizeBytes < RECENT_SIZE_BYTES) return;
    this.#recentSizeBytes /= 2;
    this.#recentMs /= 2;
  }

  /** Runs a piece of work that commits have caused, up to its first wait. */
  spend<Result>(work: () => Result): Result {
    const startedMs = this.#clock.elapsedMs();
    try {
      return work();
    } finally {
      this.#recentMs += this.#clock.elapsedMs() - startedMs;
    }
  }

  /** What commits of that many {@link CommitCosts.committedSizeBytes} will cost, in ms, when they cost what others did. */
  priceMs(sizeBytes: number): number {
    return this.#recentSizeBytes === 0 ? 0 : (sizeBytes * this.#recentMs) / this.#recentSizeBytes;
  }
}
