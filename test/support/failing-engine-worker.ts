// The real engine worker over a journal that fails now and then, by the seed in its URL.

import { parentPort, workerData } from "node:worker_threads";
import { serveEngines } from "../../host/engine/serve-engines.ts";
import type { EngineWorkerData } from "../../host/engine/worker-messages.ts";
import { createDirectoryJournalFolder } from "../../host/state/directory-journal-folder.ts";
import { createChance } from "./campaign.ts";
import { createFailingJournalFolder } from "./failing-journal-folder.ts";

const seed = Number(new URL(import.meta.url).searchParams.get("seed"));
const data = workerData as EngineWorkerData;
const folder = createDirectoryJournalFolder(data.journalFolder);
await serveEngines(parentPort!, data, createFailingJournalFolder(folder, createChance(seed)));
