// Keeps the copies and the vaults of twins that nobody has open: what has changed in one of them, by a timer
// or before the host was killed, is copied in the next round, and once a day each is looked after. One
// at a time, and closed again: a thousand vaults that stay open would cost more than the twins.

import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "./base/clock.ts";
import { toTwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";

/** A twin that is visited. Disposing it closes its vault. */
export interface SleeperVisit extends AsyncDisposable {
  /** Looks after its vault, and proves that it comes back when that is due. */
  look(signal: AbortSignal): Promise<void>;
  /** Resolves when everything that was told before is in its vault. */
  flush(): Promise<void>;
}

/** What keeping sleepers needs. */
export interface SleeperParts {
  /** All twins. */
  readonly names: () => Promise<readonly string[]>;
  readonly folderOf: (name: string) => string;
  /** Opens the vault of one; undefined when it is open for somebody, who keeps it. */
  readonly visit: (name: string) => Promise<SleeperVisit | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

/** In the twin's folder as long as its vault has all of it. Its time is that of the last look. */
const MARK = "kept";

/** Goes round. Disposing ends it, and the visit that is under way. */
export class SleeperKeeper implements AsyncDisposable {
  readonly #parts: SleeperParts;
  readonly #stop = new AbortController();
  /** When each is to be visited, in ms since 1970; absent: not known yet. */
  readonly #dueAtMs = new Map<string, number>();
  /** Have changed since their last flush began, and when their mark is away. */
  readonly #changed = new Map<string, Promise<void>>();
  #visiting: { readonly name: string; readonly done: Promise<void>; readonly hurry: AbortController } | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: SleeperParts) {
    this.#parts = parts;
  }

  /** Begins to go round. */
  start(): void {
    this.#running ??= this.#run().catch((thrown: unknown) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error({ err: thrown }, "Sleeping twins are not looked after.");
    });
  }

  /** The twin has changed, or may have: its vault lacks something. Settles when that is on record. */
  async changed(name: string): Promise<void> {
    await this.#changed.getOrInsertComputed(name, () => {
      this.#dueAtMs.set(name, 0);
      return rm(this.#markOf(name), { force: true });
    });
  }

  /** Ends a visit to the twin, which has changed from then on. From the call on `visit` must know that it is open for somebody. */
  async claim(name: string): Promise<void> {
    if (this.#visiting?.name === name) {
      this.#visiting.hurry.abort();
      await this.#visiting.done;
    }
    // Behind the visit, whose last act may be the mark.
    await this.changed(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, names } = this.#parts;
    const { signal } = this.#stop;
    for (;;) {
      await clock.sleep(LIMITS.vault.sleeperRoundMs, { signal });
      for (const name of await names()) {
        if (signal.aborted) return;
        if ((await this.#dueOf(name)) > clock.nowMs()) continue;
        const hurry = new AbortController();
        const done = this.#visit(name, AbortSignal.any([signal, hurry.signal]));
        this.#visiting = { name, done, hurry };
        await done;
        this.#visiting = undefined;
      }
    }
  }

  async #dueOf(name: string): Promise<number> {
    const known = this.#dueAtMs.get(name);
    if (known !== undefined) return known;
    const mark = await stat(this.#markOf(name)).catch(() => undefined);
    const dueAtMs = mark === undefined ? 0 : mark.mtimeMs + LIMITS.vault.sleeperLookMs;
    return this.#dueAtMs.getOrInsert(name, dueAtMs);
  }

  async #visit(name: string, signal: AbortSignal): Promise<void> {
    const { visit, clock, log } = this.#parts;
    try {
      await using visited = await visit(name);
      if (visited === undefined) return;
      await this.#keep(name, visited);
      if (signal.aborted) return;
      await visited.look(signal);
      // That it was looked at is part of the twin too.
      await this.#keep(name, visited);
    } catch (thrown) {
      this.#dueAtMs.set(name, clock.nowMs() + LIMITS.vault.sampleIntervalMs);
      if (signal.aborted) return;
      log.warn({ code: toTwinError(thrown).code, name }, "A sleeping twin and its vault could not be looked after.");
    }
  }

  /** Copies until nothing has come meanwhile, and marks that. */
  async #keep(name: string, visited: SleeperVisit): Promise<void> {
    do {
      this.#changed.delete(name);
      await visited.flush();
    } while (this.#changed.has(name));
    this.#dueAtMs.set(name, this.#parts.clock.nowMs() + LIMITS.vault.sleeperLookMs);
    await writeFile(this.#markOf(name), "");
    // It may have been made after the mark was taken away.
    if (this.#changed.has(name)) await rm(this.#markOf(name), { force: true });
  }

  #markOf(name: string): string {
    return join(this.#parts.folderOf(name), MARK);
  }
}
