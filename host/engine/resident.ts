// One twin of an engine worker: awake with its tables and guests, or asleep with next to nothing.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Journal } from "../state/journal.ts";
import { type JournalStateStore, openJournalStateStore } from "../state/journal-state-store.ts";
import type { TableReaders } from "../state/table-readers.ts";
import { EngineCore } from "./engine-core.ts";
import { isSweepDue, sweepRemoved } from "./installation-sweep.ts";
import type { EngineNews } from "./operations.ts";
import { createPackageFolder } from "./package-folder.ts";
import type { ProgramCache } from "./program-cache.ts";
import { createRecordFeed } from "./record-feed.ts";
import type { OutsideLink } from "./outside-link.ts";
import type { TaskPlaces } from "./task-runner.ts";
import { startTimerLoop, type TimerLoop } from "./timer-loop.ts";
import type { Turns } from "./turns.ts";
import type { FromWorker, TwinPlace } from "./worker-messages.ts";

/** What the twins of a worker share. */
export interface ResidentParts {
  readonly journal: Journal;
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whether requests wait for their turn: what can be done later is. */
  readonly isBusy: () => boolean;
  readonly post: (message: FromWorker) => void;
  readonly onNews: (slot: number, news: EngineNews) => void;
  /** Turns of the twin's own work. */
  readonly turnsOf: (slot: number) => Turns;
  readonly places: TaskPlaces;
  readonly programs: ProgramCache;
  readonly outside: OutsideLink;
  /** Of the tables of those who only read; absent: whoever is awake holds the lock of its file. */
  readonly readers?: TableReaders | undefined;
}

/** What is open of a twin that is awake. */
interface Awake {
  readonly core: EngineCore;
  readonly store: JournalStateStore;
  readonly timers: TimerLoop;
}

/** Only between two pieces of work that use it may it fall asleep. */
export class Resident {
  readonly slot: number;
  /** Its id. */
  readonly twin: string;
  /** When a timer of it is due, as of the last time that it was awake; undefined: never, or not known yet. */
  nextDueAtMs: number | undefined;
  /** In time that never jumps. */
  lastUsedMs = 0;
  /** What its guests held when they were last weighed. */
  guestSizeBytes = 0;
  readonly #place: TwinPlace;
  readonly #weigh: (resident: Resident) => void;
  #awake: Awake | undefined;
  #useCount = 0;
  #workCount = 0;
  /** Whether its tables were judged in this life of the host. */
  #wasOpened: boolean;

  /** `weigh` is called when its guests may hold more than before, or less. */
  constructor(place: TwinPlace, weigh: (resident: Resident) => void) {
    this.slot = place.slot;
    this.twin = place.twin;
    this.#place = place;
    this.#weigh = weigh;
    this.#wasOpened = place.wasOpened;
  }

  /** What its idle guests hold now. */
  get heldSizeBytes(): number {
    return this.#awake?.core.shelf.memorySizeBytes() ?? 0;
  }

  get isAwake(): boolean {
    return this.#awake !== undefined;
  }

  /** Whether anything was ever asked of it: then its timers are known, or who asked knows why not. */
  get wasUsed(): boolean {
    return this.#useCount > 0;
  }

  get isAtWork(): boolean {
    return this.#workCount > 0;
  }

  /** Wakes it. Throws as `openJournalStateStore` does; it then sleeps on. */
  wake(parts: ResidentParts): EngineCore {
    if (this.#awake !== undefined) return this.#awake.core;
    try {
      this.#awake = this.#open(parts);
    } catch (thrown) {
      this.#wasOpened = false;
      parts.post({ kind: "refused", slot: this.slot, error: toTwinError(thrown).toWire() });
      throw thrown;
    }
    if (!this.#wasOpened) parts.post({ kind: "opened", slot: this.slot });
    this.#wasOpened = true;
    return this.#awake.core;
  }

  /** It cannot fall asleep until `work` is done. */
  async use<Result>(nowMs: number, work: () => Promise<Result>): Promise<Result> {
    this.lastUsedMs = nowMs;
    this.#useCount += 1;
    this.#workCount += 1;
    try {
      return await work();
    } finally {
      this.#workCount -= 1;
    }
  }

  /** Puts it to sleep; resolves with false when it was used meanwhile, and stays awake. Rejects when its disk does not take what it has. */
  async rest(): Promise<boolean> {
    const awake = this.#awake;
    if (awake === undefined) return false;
    const { core, store } = awake;
    const useCount = this.#useCount;
    const isStill = (): boolean => this.#awake === awake && this.#useCount === useCount && !this.isAtWork;
    if (!isStill()) return false;
    await core.flush();
    await store.catchUp();
    if (!isStill() || !core.isQuiet || !store.isCaughtUp) return false;
    this.nextDueAtMs = core.timers.nextDueAtMs();
    this.#close();
    return true;
  }

  /** Writes what waits and closes it for good. Rejects when its disk does not take that; it is closed then too. */
  async end(): Promise<void> {
    if (this.#awake === undefined) return;
    const { core, timers } = this.#awake;
    timers.stop();
    try {
      await core.close();
    } finally {
      this.#awake = undefined;
    }
  }

  #open(parts: ResidentParts): Awake {
    const { slot, folder, twin, stateKey, follow } = this.#place;
    const { journal, kernels, clock, random, log, isBusy } = parts;
    const store = openJournalStateStore({
      path: join(folder, "state.sqlite"),
      key: stateKey,
      twin,
      journal,
      kernels,
      clock,
      random,
      log,
      isBusy,
      readers: this.#wasOpened ? parts.readers : undefined,
      onRecord: follow ? createRecordFeed(slot, parts.post) : undefined,
    });
    const packageFolder = join(folder, "packages");
    const packages = createPackageFolder(packageFolder, kernels);
    const onNews = (news: EngineNews): void => parts.onNews(slot, news);
    const [turns, outside] = [this.#weighed(parts.turnsOf(slot)), parts.outside.of(slot)];
    const { places } = parts;
    const programs = tellingOf(parts, packageFolder);
    const core = new EngineCore({
      twin,
      store,
      packages,
      kernels,
      clock,
      random,
      log,
      onNews,
      outside,
      places,
      programs,
      turns,
    });
    const perform = (work: () => Promise<void>): Promise<void> =>
      this.use(clock.elapsedMs(), () => turns.perform("own", work));
    core.tellWaiting();
    if (isSweepDue(core)) {
      perform(() => sweepRemoved(core)).catch((thrown: unknown) =>
        log.error({ err: thrown }, "What was removed long ago could not be deleted."),
      );
    }
    return { core, store, timers: startTimerLoop(core, perform) };
  }

  /** Its timers and the calls of its tasks start guests too. */
  #weighed(turns: Turns): Turns {
    const weighed = <Result>(work: () => Promise<Result>): Promise<Result> => {
      const result = work();
      this.#weigh(this);
      return result;
    };
    return { ...turns, perform: (caller, work) => turns.perform(caller, () => weighed(work)) };
  }

  #close(): void {
    const { core, store, timers } = this.#awake!;
    timers.stop();
    core.retire();
    store.close();
    this.#awake = undefined;
  }
}

/** The programs, and a word to the main thread about each that is compiled for this twin. */
function tellingOf({ programs, post }: ResidentParts, packageFolder: string): ProgramCache {
  return {
    load: (hash, read) =>
      programs.load(hash, () => {
        const pack = read();
        post({ kind: "program", hash, packageFolder });
        return pack;
      }),
  };
}
