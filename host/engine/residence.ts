// The twins of an engine worker: who is awake, who may fall asleep, and who must be woken for a timer.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { EngineCore } from "./engine-core.ts";
import { Resident, type ResidentParts } from "./resident.ts";
import type { TwinPlace } from "./worker-messages.ts";

/** A twin is woken by what is asked of it and by its timers, and falls asleep when nothing happens for a while. */
export class Residence {
  readonly #parts: ResidentParts;
  readonly #all = new Map<number, Resident>();
  /** The least recently used first. */
  readonly #awake = new Map<number, Resident>();
  /** Twins that have not been looked at: their timers may be due, and the journal may have what their tables lack. */
  readonly #unseen: Resident[] = [];
  #isLooking = false;
  #isWatching = false;
  #isCrowded = false;
  /** What the guests of all who are awake hold. */
  #guestSizeBytes = 0;
  #alarm: AbortController | undefined;
  /** For when it is set. */
  #alarmAtMs = Infinity;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
  }

  /** A twin comes; it sleeps. Soon it is woken once, to know its timers. */
  add(place: TwinPlace): void {
    const resident = new Resident(place, (worked) => this.#weigh(worked));
    this.#all.set(place.slot, resident);
    this.#unseen.push(resident);
    if (!this.#isLooking) void this.#lookAtAll();
  }

  /** Runs `work` on the twin at once, which wakes it. Rejects as `openJournalStateStore` throws. */
  use<Result>(slot: number, work: (core: EngineCore) => Promise<Result>): Promise<Result> {
    const resident = this.#all.get(slot);
    if (resident === undefined) return Promise.reject(new TwinError("TWIN_ABORTED", "The engine was closed."));
    return resident.use(this.#parts.clock.elapsedMs(), () => {
      const core = this.#wake(resident);
      const result = work(core);
      this.#weigh(resident);
      return result;
    });
  }

  /** The twin leaves. Resolves when its files are closed. */
  async remove(slot: number): Promise<undefined> {
    const resident = this.#all.get(slot);
    this.#all.delete(slot);
    if (resident !== undefined) this.#settle(resident);
    await resident?.end();
    return undefined;
  }

  /** Voids the journal's records of a twin that does not live here. */
  async forget(twin: string): Promise<undefined> {
    await this.#parts.journal.forget(twin);
    return undefined;
  }

  #wake(resident: Resident): EngineCore {
    const core = resident.wake(this.#parts);
    // To the end: it is the most recently used one.
    this.#awake.delete(resident.slot);
    this.#awake.set(resident.slot, resident);
    if (!this.#isWatching) void this.#watch();
    this.#relieveIfCrowded();
    return core;
  }

  /** Notes what the guests of a twin hold. */
  #weigh(resident: Resident): void {
    // One that leaves may still be at work; it does not count any more.
    if (this.#all.get(resident.slot) !== resident) return;
    const sizeBytes = resident.heldSizeBytes;
    this.#guestSizeBytes += sizeBytes - resident.guestSizeBytes;
    resident.guestSizeBytes = sizeBytes;
    this.#relieveIfCrowded();
  }

  /** Notes that a twin is not awake any more. */
  #settle(resident: Resident): void {
    this.#awake.delete(resident.slot);
    this.#guestSizeBytes -= resident.guestSizeBytes;
    resident.guestSizeBytes = 0;
  }

  /** More twins are awake than may be, or their guests hold too much; the last one bounds its own guests. */
  #isFull(awakeCount: number): boolean {
    const { guestMemorySizeBytes } = LIMITS.engine;
    return this.#awake.size > awakeCount || (this.#guestSizeBytes > guestMemorySizeBytes && this.#awake.size > 1);
  }

  #relieveIfCrowded(): void {
    if (!this.#isCrowded && this.#isFull(LIMITS.engine.awakeCount)) void this.#relieve();
  }

  /** While somebody is awake: puts to sleep who was not used for long. */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    const { clock } = this.#parts;
    while (this.#awake.size > 0) {
      await clock.sleep(this.#idleInMs());
      for (const resident of this.#awake.values()) {
        if (resident.lastUsedMs + LIMITS.engine.idleMs > clock.elapsedMs()) break;
        await this.#rest(resident);
      }
    }
    this.#isWatching = false;
  }

  /** Puts to sleep who was used least recently, until there is room. */
  async #relieve(): Promise<void> {
    this.#isCrowded = true;
    const { awakeCount, crowdedLookMs } = LIMITS.engine;
    const untilMs = this.#parts.clock.elapsedMs() + LIMITS.engine.crowdedGraceMs;
    while (this.#isFull(awakeCount)) {
      for (const resident of this.#awake.values()) {
        if (!this.#isFull(this.#awakeCountNow(untilMs))) break;
        await this.#rest(resident);
      }
      // Requests wait; or the others are at work, or had something to write.
      if (this.#isFull(awakeCount)) await this.#parts.clock.sleep(crowdedLookMs);
    }
    this.#isCrowded = false;
  }

  /** For a short while those who are woken come first: closing the others may wait. */
  #awakeCountNow(untilMs: number): number {
    const { awakeCount, awakeCountMax } = LIMITS.engine;
    return this.#parts.isBusy() && this.#parts.clock.elapsedMs() < untilMs ? awakeCountMax : awakeCount;
  }

  /** When the one that was used least recently may fall asleep. */
  #idleInMs(): number {
    const [oldest] = this.#awake.values();
    const inMs = (oldest?.lastUsedMs ?? 0) + LIMITS.engine.idleMs - this.#parts.clock.elapsedMs();
    return Math.max(inMs, LIMITS.engine.idleLookMs);
  }

  /** Puts it to sleep if nobody uses it. */
  async #rest(resident: Resident): Promise<void> {
    try {
      if (!resident.isAwake || !(await resident.rest())) return;
      this.#settle(resident);
      if ((resident.nextDueAtMs ?? Infinity) < this.#alarmAtMs) this.#setAlarm();
    } catch (thrown) {
      // One that was closed meanwhile has told who closed it.
      if (this.#all.get(resident.slot) !== resident) return;
      this.#parts.log.warn(
        { err: thrown, twin: resident.twin },
        "A twin could not be put to sleep; it stays awake for a while.",
      );
      resident.lastUsedMs = this.#parts.clock.elapsedMs();
    }
  }

  /** Wakes each twin once, one at a time, so that others hardly notice. */
  async #lookAtAll(): Promise<void> {
    this.#isLooking = true;
    const { clock, log } = this.#parts;
    for (let next = this.#unseen.shift(); next !== undefined; next = this.#unseen.shift()) {
      const resident = next;
      const { firstLookPauseMs, busyLookPauseMs } = LIMITS.engine;
      await clock.sleep(this.#parts.isBusy() ? busyLookPauseMs : firstLookPauseMs);
      if (resident.wasUsed || !this.#all.has(resident.slot)) continue;
      try {
        await this.#rouse(resident);
        await this.#rest(resident);
      } catch (thrown) {
        log.error({ err: thrown, twin: resident.twin }, "A twin cannot be opened; who calls it is told why.");
      }
    }
    this.#isLooking = false;
  }

  /** Wakes it when it is its turn. */
  #rouse(resident: Resident): Promise<void> {
    return this.#parts.turnsOf(resident.slot).perform("own", async () => {
      if (this.#all.has(resident.slot)) this.#wake(resident);
    });
  }

  /** For the first timer of all who sleep. */
  #setAlarm(): void {
    this.#alarm?.abort();
    const dueAtMs = Math.min(...this.#sleepers().map(({ nextDueAtMs = Infinity }) => nextDueAtMs));
    this.#alarmAtMs = dueAtMs;
    if (dueAtMs === Infinity) return;
    const alarm = new AbortController();
    this.#alarm = alarm;
    // The machine's clock may be set: look again now and then.
    const inMs = Math.min(Math.max(0, dueAtMs - this.#parts.clock.nowMs()), LIMITS.engine.timerLookMs);
    this.#parts.clock.sleep(inMs, { signal: alarm.signal }).then(
      () => this.#wakeDue(),
      () => {},
    );
  }

  async #wakeDue(): Promise<void> {
    const { clock, log } = this.#parts;
    for (const resident of this.#sleepers()) {
      if ((resident.nextDueAtMs ?? Infinity) > clock.nowMs()) continue;
      // Who cannot be woken is not tried for ever: the timer fires when somebody else has woken it.
      resident.nextDueAtMs = undefined;
      await this.#rouse(resident).catch((thrown: unknown) => {
        log.error({ err: thrown, twin: resident.twin }, "A twin whose timer is due cannot be opened.");
      });
    }
    this.#setAlarm();
  }

  #sleepers(): Resident[] {
    return [...this.#all.values()].filter(({ isAwake }) => !isAwake);
  }
}
