// An engine core on this thread over a real state file, in virtual time, for tests.

import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import { EngineCore } from "../../host/engine/engine-core.ts";
import { ENGINE_OPERATIONS, type Operation } from "../../host/engine/engine-operations.ts";
import type { CallRequest, Delivery, IncomingMessage, Receipt } from "../../host/engine/engine.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "../../host/engine/operations.ts";
import type { Outside } from "../../host/engine/outside.ts";
import { createPackageFolder } from "../../host/engine/package-folder.ts";
import type { SnapshotStateStore } from "../../host/state/state-store.ts";
import { createFaultyJournalFolder, type JournalFaults } from "./faulty-journal-folder.ts";
import { openTestStore } from "./journal-store.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { testIdentity } from "./test-identity.ts";

/** The twin of the bench. */
export const BENCH_TWIN = testIdentity(1).id;

/** One twin's engine, and short ways to use it. */
export interface EngineBench extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly news: EngineNews[];
  readonly folder: string;
  /** What is wrong with the disk. */
  readonly faults: JournalFaults;
  core: EngineCore;
  do<Name extends OperationName>(name: Name, args: OperationArgs<Name>): Promise<OperationAnswer<Name>>;
  /** Calls a method of `probe`, as the owner unless `over` says otherwise; resolves with its result. */
  call(method: string, params: unknown, over?: Partial<CallRequest>): Promise<unknown>;
  receiptOf(method: string, params: unknown, over?: Partial<CallRequest>): Promise<Receipt>;
  deliver(sequence: number, method: string, params: unknown, over?: Partial<IncomingMessage>): Promise<Delivery>;
  /** As after a kill: what was not committed is gone. */
  reopen(): Promise<void>;
  /** As after a kill at this very moment: what follows is opened over copies of what is on disk now. */
  crash(): Promise<void>;
}

/** A bench without capabilities. */
export async function openEngineBench({
  twin = BENCH_TWIN,
  outside,
}: { readonly twin?: string; readonly outside?: Outside } = {}): Promise<EngineBench> {
  const folder = mkdtempSync(join(tmpdir(), "twin-engine-"));
  const clock = createManualClock();
  const random = createSeededRandom(twin);
  const news: EngineNews[] = [];
  let disk = createFaultyJournalFolder();
  let path = join(folder, "state.sqlite");
  const openStore = (): Promise<SnapshotStateStore> =>
    openTestStore(path, { folder: disk, clock, twin, key: new Uint8Array(32).fill(3) });
  let store = await openStore();
  /** Of processes that were killed: they hold their files until the end, and nobody looks at these any more. */
  const dead: SnapshotStateStore[] = [];
  const openCore = (): EngineCore =>
    new EngineCore({
      twin,
      store,
      packages: createPackageFolder(join(folder, "packages"), referenceKernels),
      kernels: referenceKernels,
      clock,
      random,
      log: silentLog,
      onNews: (fresh) => news.push(fresh),
      outside,
    });
  const bench: EngineBench = {
    clock,
    news,
    folder,
    faults: disk.faults,
    core: openCore(),
    do: (name, args) => (ENGINE_OPERATIONS[name] as Operation<typeof name>)(bench.core, args, { queueMs: 0 }),
    call: async (method, params, over = {}) =>
      jsonDecode((await bench.do("call", request(method, params, over))).payload),
    receiptOf: async (method, params, over = {}) => (await bench.do("call", request(method, params, over))).receipt,
    deliver: (sequence, method, params, over = {}) =>
      bench.do("deliver", {
        from: testIdentity(2).id,
        circles: ["contacts"],
        sequence,
        capability: "probe",
        method,
        payload: jsonEncode(params),
        ...over,
      }),
    reopen: async () => {
      await store[Symbol.asyncDispose]();
      store = await openStore();
      bench.core = openCore();
    },
    crash: async () => {
      dead.push(store);
      const copy = join(folder, `state-${dead.length}.sqlite`);
      for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix);
      path = copy;
      disk = createFaultyJournalFolder(
        new Map([...disk.disk].map(([first, bytes]) => [first, bytes.slice()])),
        disk.faults,
      );
      store = await openStore();
      bench.core = openCore();
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of [...dead, store]) await each[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
  return bench;
}

function request(method: string, params: unknown, over: Partial<CallRequest>): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(params), ...over };
}
