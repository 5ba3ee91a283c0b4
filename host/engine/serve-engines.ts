// Composition of an engine worker: one journal, its twins, and the loop that runs what is asked of them.

import type { MessagePort } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import { systemRandom } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { openKernels } from "../kernels/open-kernels.ts";
import { CommitCosts } from "../state/commit-costs.ts";
import { openJournal } from "../state/journal.ts";
import type { JournalFolder } from "../state/journal-folder.ts";
import { TableReaders } from "../state/table-readers.ts";
import { WriteChoice } from "../state/write-choice.ts";
import { createWorkerLog, Mailer } from "./mailer.ts";
import { openOutsideLink } from "./outside-link.ts";
import { createPackageFolder } from "./package-folder.ts";
import { createProgramCache, type ProgramCache } from "./program-cache.ts";
import { RequestLoop } from "./request-loop.ts";
import { Residence } from "./residence.ts";
import { createTaskPlaces } from "./task-runner.ts";
import type { EngineWorkerData, FromWorker, Rehearsal, ToWorker } from "./worker-messages.ts";

/**
 * Makes ready, waits for the first message over `port`, which says for whom, opens their journal and serves what
 * comes. What goes wrong at the start is told there.
 */
export async function serveEngines(port: MessagePort, openFolder: (path: string) => JournalFolder): Promise<void> {
  const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const mailer = new Mailer(post);
  const log = createWorkerLog(mailer);
  const opening = openKernels();
  // Nobody listens before the first message.
  opening.catch(() => {});
  const programs = createProgramCache();
  const data = await firstMessage(port, (rehearsal) => {
    opening.then((kernels) => rehearse(rehearsal, programs, kernels)).catch(() => {});
  });
  mailer.heedHearers(data.hearers);
  try {
    const kernels = await opening;
    const costs = new CommitCosts(systemClock);
    const choice = new WriteChoice({ clock: systemClock, isAlone: () => loop.isAlone() });
    const journal = await openJournal({ folder: openFolder(data.journalFolder), kernels, log, choice, costs });
    const recovered = journal.recoveredTwins();
    const residence: Residence = new Residence({
      journal,
      kernels,
      clock: systemClock,
      random: systemRandom,
      log,
      post,
      onNews: (slot, news) => mailer.tell(slot, news),
      turnsOf: (slot) => loop.turnsOf(slot),
      isBusy: () => loop.isBusy,
      places: createTaskPlaces(systemClock),
      programs,
      outside: openOutsideLink(data.outside),
      readers: data.isLocked ? new TableReaders() : undefined,
    });
    const loop = new RequestLoop({ residence, mailer, running: data.running, costs });
    for (const place of data.places) residence.add(place);
    port.on("message", (message: ToWorker) => loop.accept(message));
    post({ kind: "ready", recovered });
  } catch (thrown) {
    const error = toTwinError(thrown);
    const stack = error !== thrown && thrown instanceof Error ? thrown.stack : undefined;
    post({ kind: "failed", error: error.toWire(), stack });
  }
}

/** Compiles what the twins will ask for. */
function rehearse({ programs }: Rehearsal, cache: ProgramCache, kernels: Kernels): void {
  for (const { hash, packageFolder } of programs) {
    try {
      cache.load(hash, () => createPackageFolder(packageFolder, kernels).read(hash));
    } catch {
      // Its file may not be there yet, or any more: who needs it is told.
    }
  }
}

function firstMessage(port: MessagePort, onRehearsal: (rehearsal: Rehearsal) => void): Promise<EngineWorkerData> {
  const { promise, resolve } = Promise.withResolvers<EngineWorkerData>();
  const listen = (message: EngineWorkerData | Rehearsal): void => {
    if ("programs" in message) return onRehearsal(message);
    port.off("message", listen);
    // Without a listener the port does not keep the thread alive.
    port.ref();
    resolve(message);
  };
  port.on("message", listen);
  return promise;
}
