// The running twin as something to copy: its rows and records from the engine, and the files of its packages
// and experiences, which rows refer to by their hashes.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Engine } from "./engine/engine.ts";
import type { StateKey, StateWrite } from "./state/state-store.ts";
import type { ReplicaSource } from "./vault/replicator.ts";
import type { SnapshotFile } from "./vault/snapshot-stream.ts";

/** Folders of the data folder whose files are part of the twin. */
const FOLDERS = ["twin/packages", "experiences"] as const;
/** What such a path looks like; any other in a copy is not ours. */
const PATH = /^(?:twin\/packages|experiences)(?:\/[A-Za-z0-9][\w.-]{0,127}){1,8}$/;

/** Whether a copy may bring a file of this path. */
export function isTwinFile(path: string): boolean {
  return PATH.test(path);
}

/** The twin of the data `folder`, whose engine was opened to be followed. */
export function createReplicaSource(engine: Pick<Engine, "listen" | "stateRows">, folder: string): ReplicaSource {
  return {
    follow: (onRecord, onGap) => engine.listen({ onRecord, onRestart: onGap }),
    async *rows() {
      let after: StateKey | undefined;
      for (;;) {
        const page: readonly StateWrite[] = await engine.stateRows(after);
        after = page.at(-1);
        if (after === undefined) return;
        yield page;
      }
    },
    async *files() {
      for (const path of FOLDERS) yield* filesBelow(folder, path);
    },
  };
}

/** In the order of their names, so that the same files are the same bytes. A file that goes meanwhile is left out: its row goes too. */
async function* filesBelow(folder: string, path: string): AsyncGenerator<SnapshotFile, void, undefined> {
  const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const below = `${path}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(folder, below);
    if (!entry.isFile() || !isTwinFile(below)) continue;
    const bytes = await readFile(join(folder, below)).catch(() => undefined);
    if (bytes !== undefined) yield { path: below, bytes };
  }
}
