// Opens the engine of a single twin, in a worker of its own.

import { join } from "node:path";
import type { Engine } from "./engine.ts";
import { type EnginesOptions, openEngines, type TwinOptions } from "./open-engines.ts";

/** What {@link openEngine} needs. */
export interface EngineOptions extends TwinOptions, Omit<EnginesOptions, "folder" | "workerCount"> {}

/**
 * Opens the engine of a twin; its journal is in `journals/` of the twin's folder. One process at a
 * time may have it open. Rejects as `openJournalStateStore` throws when the state cannot be used,
 * and then has changed nothing.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const engines = stack.use(
    await openEngines({ ...options, folder: join(options.folder, "journals"), workerCount: 1 }),
  );
  const engine = await engines.open(options);
  const owned = stack.move();
  return Object.assign(engine, { [Symbol.asyncDispose]: () => owned.disposeAsync() });
}
