// Entry of an engine worker: owns the state and guests of its twins, and may be terminated at any instant.

import { parentPort } from "node:worker_threads";
import { createDirectoryJournalFolder } from "../state/directory-journal-folder.ts";
import { serveEngines } from "./serve-engines.ts";

if (parentPort === null) throw new TypeError("This file is the entry of a worker thread; openEngines starts it.");
await serveEngines(parentPort, createDirectoryJournalFolder);
