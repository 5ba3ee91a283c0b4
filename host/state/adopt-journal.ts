// Data folders of version 0.1.0 had a journal for each twin. What such a one says goes into the twin's
// tables, and it is gone: whatever comes then is in the journal that all twins of a worker share.

import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { createDirectoryJournalFolder } from "./directory-journal-folder.ts";
import { openJournal } from "./journal.ts";
import { openJournalStateStore } from "./journal-state-store.ts";
import type { StateFileOptions } from "./state-file.ts";

/** What {@link adoptJournal} needs. */
export interface AdoptOptions extends StateFileOptions {
  readonly kernels: Pick<Kernels, "hash" | "open" | "xchacha20poly1305">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Brings the twin's tables up to the journal in `journalPath`, if there is one, and removes it. May be
 * repeated after a kill at any moment. Rejects as `openJournal` and `openJournalStateStore` do; nothing
 * is lost then.
 */
export async function adoptJournal(journalPath: string, options: AdoptOptions): Promise<void> {
  const done = `${journalPath}.done`;
  if (existsSync(journalPath)) {
    const { kernels, log } = options;
    const folder = createDirectoryJournalFolder(journalPath);
    await using journal = await openJournal({ folder, kernels, log });
    // To close it is to make its tables durable.
    openJournalStateStore({ ...options, journal }).close();
    // A folder that is removed by half would be a damaged one.
    await rename(journalPath, done);
  }
  await rm(done, { recursive: true, force: true });
}
