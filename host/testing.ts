// For the tests of capabilities: several twins in one process, with the real engine, sandbox and
// state files, over time and a network that only the test moves. Works under any test runner.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { jsonDecode, jsonEncode, utf8Encode } from "./base/bytes.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import { type Log, silentLog } from "./base/log.ts";
import type { Random } from "./base/random.ts";
import { builtInsFor } from "./built-ins.ts";
import { EngineCore } from "./engine/engine-core.ts";
import { ENGINE_OPERATIONS, type Operation } from "./engine/engine-operations.ts";
import type { CallAnswer, CallRequest, Receipt, TwinEvent } from "./engine/engine.ts";
import type { UpgradeRequest } from "./engine/version-change.ts";
import type { OperationAnswer, OperationArgs, OperationName } from "./engine/operations.ts";
import type { Outside } from "./engine/outside.ts";
import { createPackageFolder } from "./engine/package-folder.ts";
import { createTaskPlaces } from "./engine/task-runner.ts";
import { fireTimer } from "./engine/timer-loop.ts";
import type { Holder } from "./grants/grant.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import type { Identity } from "./identity/identity.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { buildCapability } from "./packages/build-capability.ts";
import type { InstalledCapability } from "./packages/manifest.ts";
import { readPackage } from "./packages/package-file.ts";
import type { UpgradeReport } from "./packages/upgrade-report.ts";
import { unpackBatch } from "./rpc/message-batch.ts";
import { createLabOutside, type LabServer } from "./lab-outside.ts";
import { createDirectoryJournalFolder } from "./state/directory-journal-folder.ts";
import { type Journal, openJournal } from "./state/journal.ts";
import { openJournalStateStore } from "./state/journal-state-store.ts";
import type { SnapshotStateStore } from "./state/state-store.ts";

/** What a lab begins with. */
export interface LabOptions {
  /** Folder of the capability under test: it is built when its source changed. The working directory when absent. */
  readonly capability?: string | undefined;
  /** Other capabilities that every twin has: folders, or built packages (`.wasm`). Installed before. Built-in ones that it depends on are there without being named. */
  readonly others?: readonly string[] | undefined;
  /** Plays the servers that tasks send requests to. */
  readonly server?: LabServer | undefined;
  /** The same seed, the same twins and the same randomness in every call. */
  readonly seed?: string | undefined;
}

/** Who makes a call in a test: the owner when absent. */
export interface LabCall {
  /** The call comes from this twin, one of the contacts. */
  readonly from?: Pick<LabTwin, "id"> | undefined;
  /** Circles of `from`; `["contacts"]` when absent. */
  readonly circles?: readonly string[] | undefined;
  /** The call comes from this experience, which needs a grant. */
  readonly experience?: string | undefined;
  /** A repeated command of the same id happens once. */
  readonly callId?: string | undefined;
  /** Fuel that the call may burn; the host's limit when absent. */
  readonly fuel?: number | undefined;
}

/** A line that a guest wrote. */
export interface LabLog {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly capability: string;
  readonly text: string;
}

/** One twin of a lab. */
export interface LabTwin {
  /** Its did:key. */
  readonly id: string;
  /** While true, nothing that is sent to it or by it arrives; it waits. */
  away: boolean;
  /** What its guests logged, in order. */
  readonly logs: readonly LabLog[];
  /**
   * Calls a method: `sign` of the capability under test, or `contacts.add`. Resolves with the answer;
   * throws `TwinError`, whose `details.code` is the code that a guest gave to `fail`.
   */
  call<Answer = unknown>(method: string, params?: unknown, how?: LabCall): Promise<Answer>;
  /** All events, the oldest first. */
  events(): Promise<{ readonly topic: string; readonly capability: string; readonly payload: unknown }[]>;
  /** What each call cost, the newest first. */
  receipts(limit?: number): Promise<Receipt[]>;
  /** Lets an experience call these methods. */
  grant(experience: string, capability: string, methods: readonly string[]): Promise<void>;
  /** Installs a package, or the next version of one. */
  install(packageBytes: Uint8Array): Promise<InstalledCapability>;
  /** Installs a package in the place of another version, or beside it; `dryRun` only tells what would change. */
  upgrade(packageBytes: Uint8Array, how?: Omit<UpgradeRequest, "packageBytes">): Promise<UpgradeReport>;
  /** Back to the version before, with its data. */
  rollBack(capability: string, version?: string): Promise<InstalledCapability>;
  remove(capability: string): Promise<void>;
  /** As after a kill: what was not committed is gone, everything else is there. */
  restart(): Promise<void>;
}

/** Twins, their time and their network. Dispose of it: `await using lab = await openLab()`. */
export interface Lab extends AsyncDisposable {
  /** The time of all twins, in milliseconds since the Unix epoch. It stands still between {@link Lab.advance}s. */
  readonly nowMs: number;
  /** The built package of the capability under test. */
  readonly packageBytes: Uint8Array;
  /** A fresh twin with the capability installed. */
  twin(): Promise<LabTwin>;
  /** Lets time pass. Timers that capabilities set fire on the way, each at its time, in order. */
  advance(ms: number): Promise<void>;
  /** Carries messages between all twins that are there until none is left; answers how many took effect. Throws for one that is refused, with why. */
  deliver(): Promise<number>;
}

/** Where a lab's clock begins: a Monday. */
const START_MS = 1_800_000_000_000;
/** More rounds than this are two capabilities that answer each other for ever. */
const ROUNDS_MAX = 1_000;
const MESSAGES_PER_ROUND = 100;
const TIMERS_PER_ROUND = 100;

/** Opens a lab without twins. Throws `TWIN_PACKAGE_INVALID` with the compiler's words when the capability does not build. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const kernels = await openKernels();
  const seed = options.seed ?? "lab";
  const publisher = deriveIdentity(kernels.hash(utf8Encode(`${seed} publisher`)), kernels);
  const read = (path: string): Promise<Uint8Array> => readOrBuild(resolve(path), { kernels, publisher });
  const packageBytes = await read(options.capability ?? ".");
  const others: Uint8Array[] = [];
  for (const path of options.others ?? []) others.push(await read(path));
  const folder = await mkdtemp(join(tmpdir(), "twin-lab-"));
  let elapsedMs = 0;
  const clock: Clock = {
    nowMs: () => START_MS + elapsedMs,
    elapsedMs: () => elapsedMs,
    sleep: () => Promise.reject(new RangeError("Nothing sleeps in a lab: advance its time.")),
  };
  const twins: EngineTwin[] = [];
  const { manifest } = readPackage(packageBytes, kernels);
  const { name } = manifest;
  others.unshift(
    ...(await builtInsFor(
      manifest,
      others.map((bytes) => readPackage(bytes, kernels).manifest.name),
    )),
  );
  return {
    packageBytes,
    get nowMs() {
      return clock.nowMs();
    },
    twin: async () => {
      const own = `${seed} ${twins.length}`;
      const identity = deriveIdentity(kernels.hash(utf8Encode(own)), kernels);
      const outsideOf = (twin: LabTwin): Outside => createLabOutside(twin, twins, options.server);
      const parts = { identity, clock, kernels, capability: name, random: seededRandom(own, kernels), outsideOf };
      const twin = await EngineTwin.open({ ...parts, folder: join(folder, String(twins.length)) });
      twins.push(twin);
      for (const bytes of [...others, packageBytes]) await twin.install(bytes);
      return twin;
    },
    advance: async (ms) => {
      if (!(ms >= 0)) throw new RangeError("Time goes forward.");
      const untilMs = elapsedMs + ms;
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const nextMs = Math.min(...twins.map((twin) => twin.nextTimerAtMs())) - START_MS;
        if (nextMs > untilMs) break;
        elapsedMs = Math.max(elapsedMs, nextMs);
        for (const twin of twins) await twin.fireTimers(clock.nowMs());
      }
      elapsedMs = untilMs;
    },
    deliver: () => deliverAll(twins),
    [Symbol.asyncDispose]: async () => {
      for (const twin of twins) await twin.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readOrBuild(
  path: string,
  { kernels, publisher }: { readonly kernels: Kernels; readonly publisher: Identity },
): Promise<Uint8Array> {
  if (path.endsWith(".wasm")) return await readFile(path);
  const built = await buildCapability({ folder: path, out: join(path, "build", "lab"), kernels, publisher });
  return await readFile(built.path);
}

async function deliverAll(twins: readonly EngineTwin[]): Promise<number> {
  let delivered = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = delivered;
    for (const from of twins) {
      for (const to of twins) {
        if (from !== to && !from.away && !to.away) delivered += await carry(from, to);
      }
    }
    if (delivered === before) return delivered;
  }
  throw new RangeError(
    `Messages were still on their way after ${ROUNDS_MAX} rounds: do two methods answer each other?`,
  );
}

async function carry(from: EngineTwin, to: EngineTwin): Promise<number> {
  const page = await from.do("outbox", { peer: to.id, limit: MESSAGES_PER_ROUND });
  if (page === undefined) return 0;
  for (const { sequence, capability, method, payload } of unpackBatch(page)) {
    const sent = { from: from.id, circles: ["contacts"], sequence, capability, method, payload };
    const delivery = await to.do("deliver", sent);
    const refused = delivery.status === "refused" ? [{ sequence, error: delivery.error }] : [];
    await from.do("settle", { peer: to.id, throughSequence: sequence, refused });
    if (delivery.status === "refused") {
      const { code, message } = delivery.error;
      throw new TwinError(
        "TWIN_CALL_DENIED",
        `${capability}.${method} was refused by its receiver (${code}): ${message}`,
      );
    }
  }
  return page.count;
}

interface TwinParts {
  readonly identity: Identity;
  readonly folder: string;
  readonly clock: Clock;
  readonly kernels: Kernels;
  readonly random: Random;
  /** Name of the capability under test. */
  readonly capability: string;
  readonly outsideOf: (twin: LabTwin) => Outside;
}

class EngineTwin implements LabTwin {
  readonly id: string;
  away = false;
  readonly logs: LabLog[] = [];
  readonly #parts: TwinParts;
  #state: TwinState;
  #core: EngineCore;

  static async open(parts: TwinParts): Promise<EngineTwin> {
    await mkdir(parts.folder);
    return new EngineTwin(parts, await openState(parts));
  }

  private constructor(parts: TwinParts, state: TwinState) {
    this.id = parts.identity.id;
    this.#parts = parts;
    this.#state = state;
    this.#core = this.#openCore();
  }

  do<Name extends OperationName>(name: Name, args: OperationArgs<Name>): Promise<OperationAnswer<Name>> {
    return (ENGINE_OPERATIONS[name] as Operation<Name>)(this.#core, args, { queueMs: 0 });
  }

  /** What another twin of the lab asks. */
  answer(request: CallRequest): Promise<CallAnswer> {
    return this.do("call", request);
  }

  async call<Answer>(method: string, params: unknown = {}, how: LabCall = {}): Promise<Answer> {
    const [first = "", second] = method.split(".");
    const { payload } = await this.do("call", {
      holder: holderOf(how),
      capability: second === undefined ? this.#parts.capability : first,
      method: second ?? first,
      payload: jsonEncode(params),
      callId: how.callId,
      budget: { fuel: how.fuel },
    });
    return jsonDecode(payload) as Answer;
  }

  async events(): Promise<{ topic: string; capability: string; payload: unknown }[]> {
    const events: readonly TwinEvent[] = await this.do("events", { afterSequence: 0 });
    return events.map(({ topic, capability, payload }) => ({ topic, capability, payload: JSON.parse(payload) }));
  }

  receipts(limit = 100): Promise<Receipt[]> {
    return this.do("receipts", { limit });
  }

  async grant(experience: string, capability: string, methods: readonly string[]): Promise<void> {
    await this.do("grant", { holder: `experience:${experience}`, capability, methods, reason: "A test." });
  }

  install(packageBytes: Uint8Array): Promise<InstalledCapability> {
    return this.do("install", packageBytes);
  }

  upgrade(packageBytes: Uint8Array, how: Omit<UpgradeRequest, "packageBytes"> = {}): Promise<UpgradeReport> {
    return this.do("upgrade", { packageBytes, ...how });
  }

  rollBack(capability: string, version?: string): Promise<InstalledCapability> {
    return this.do("rollBack", { name: capability, version });
  }

  async remove(capability: string): Promise<void> {
    await this.do("remove", capability);
  }

  async restart(): Promise<void> {
    await this.close();
    this.#state = await openState(this.#parts);
    this.#core = this.#openCore();
  }

  async close(): Promise<void> {
    await this.#state.store[Symbol.asyncDispose]();
    await this.#state.journal[Symbol.asyncDispose]();
  }

  nextTimerAtMs(): number {
    return this.#core.timers.nextDueAtMs() ?? Infinity;
  }

  async fireTimers(nowMs: number): Promise<void> {
    for (const timer of this.#core.timers.due(nowMs, TIMERS_PER_ROUND)) await fireTimer(this.#core, timer);
    await this.#core.tasks.settled();
  }

  #openCore(): EngineCore {
    const { clock, kernels, random, folder, outsideOf } = this.#parts;
    const packages = createPackageFolder(join(folder, "packages"), kernels);
    const log = guestLog(this.logs);
    return new EngineCore({
      twin: this.id,
      store: this.#state.store,
      packages,
      kernels,
      clock,
      random,
      log,
      onNews: () => {},
      outside: outsideOf(this),
      places: createTaskPlaces(systemClock),
    });
  }
}

/** As an engine worker has it: the journal outlives the store over it. */
interface TwinState {
  readonly journal: Journal;
  readonly store: SnapshotStateStore;
}

async function openState({ folder, identity, kernels, random }: TwinParts): Promise<TwinState> {
  const log = silentLog;
  const journal = await openJournal({ folder: createDirectoryJournalFolder(join(folder, "journal")), kernels, log });
  const key = kernels.hash(utf8Encode(`${identity.id} state`));
  const path = join(folder, "state.sqlite");
  const store = openJournalStateStore({
    path,
    key,
    twin: identity.id,
    journal,
    kernels,
    random,
    clock: systemClock,
    log,
  });
  return { journal, store };
}

function holderOf({ from, circles = ["contacts"], experience }: LabCall): Holder {
  if (from !== undefined) return { kind: "peer", twin: from.id, circles };
  return experience === undefined ? { kind: "owner" } : { kind: "experience", name: experience };
}

/** Guests' lines carry the name of their capability; what the engine itself says is left out. */
function guestLog(lines: LabLog[]): Log {
  const write =
    (level: LabLog["level"]) =>
    (fields: Readonly<Record<string, unknown>>, text: string): void => {
      const { capability } = fields;
      if (typeof capability === "string") lines.push({ level, capability, text });
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function seededRandom(seed: string, kernels: Pick<Kernels, "hash">): Random {
  let turn = 0;
  return {
    bytes: (size) => {
      const bytes = new Uint8Array(size);
      for (let offset = 0; offset < size; offset += 32) {
        bytes.set(kernels.hash(utf8Encode(`${seed} ${turn++}`)).subarray(0, size - offset), offset);
      }
      return bytes;
    },
  };
}
