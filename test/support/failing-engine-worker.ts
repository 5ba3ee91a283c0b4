// The real engine worker over a journal that fails now and then, by the seed in its URL.

import { parentPort } from "node:worker_threads";
import { serveEngines } from "../../host/engine/serve-engines.ts";
import { createDirectoryJournalFolder } from "../../host/state/directory-journal-folder.ts";
import { createChance } from "./campaign.ts";
import { createFailingJournalFolder } from "./failing-journal-folder.ts";

const seed = Number(new URL(import.meta.url).searchParams.get("seed"));
await serveEngines(parentPort!, (path) =>
  createFailingJournalFolder(createDirectoryJournalFolder(path), createChance(seed)),
);
