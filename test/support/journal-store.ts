// A journaled state store for tests, and its journal: one twin, keys and chance of its own.

import type { Clock } from "../../host/base/clock.ts";
import { silentLog } from "../../host/base/log.ts";
import { createDirectoryJournalFolder } from "../../host/state/directory-journal-folder.ts";
import { openJournal } from "../../host/state/journal.ts";
import type { JournalFolder } from "../../host/state/journal-folder.ts";
import { openJournalStateStore } from "../../host/state/journal-state-store.ts";
import type { SnapshotStateStore } from "../../host/state/state-store.ts";
import type { TableReaders } from "../../host/state/table-readers.ts";
import { createManualClock } from "./manual-clock.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** How a test store differs from the default. */
export interface JournalStoreOptions {
  readonly folder?: JournalFolder | undefined;
  /** Where the journal lies, without `folder`; `<path>.d` when absent. */
  readonly journalPath?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly twin?: string | undefined;
  readonly key?: Uint8Array | undefined;
  readonly readers?: TableReaders | undefined;
}

let openings = 0;

/** The store at `path`, with its journal in `<path>.d` unless `over.folder` is another one; it closes both. */
export async function openTestStore(path: string, over: JournalStoreOptions = {}): Promise<SnapshotStateStore> {
  const {
    folder = createDirectoryJournalFolder(over.journalPath ?? `${path}.d`),
    clock = createManualClock(),
    twin = "did:key:z6MkA",
  } = over;
  const journal = await openJournal({ folder, kernels: referenceKernels, log: silentLog });
  const store = openJournalStateStore({
    path,
    key: over.key ?? new Uint8Array(32).fill(7),
    twin,
    journal,
    kernels: referenceKernels,
    clock,
    random: createSeededRandom(`store ${openings++}`),
    log: silentLog,
    readers: over.readers,
  });
  return {
    get: (at) => store.get(at),
    scan: (range) => store.scan(range),
    sizeBytes: (namespace) => store.sizeBytes(namespace),
    commit: (writes) => store.commit(writes),
    durable: store.durable,
    namespaces: () => store.namespaces(),
    accompany: (writes) => store.accompany(writes),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}
