// Kills a process at work on a vault, again and again, and judges what is left on the disk each time.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { openFolderVault } from "./folder-vault.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { readBytes } from "./test-vault.ts";

/** Kills processes on one folder while `goesOn` says so of their number, at moments that `below` picks. Answers how many objects the last one left. */
export async function killAtWork(
  folder: string,
  options: { readonly below: (max: number) => number; readonly goesOn: (kills: number) => boolean },
): Promise<{ readonly kills: number; readonly objects: number }> {
  const { below, goesOn } = options;
  let objects = 0;
  let count = 0;
  for (; goesOn(count); count++) {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "vault-kill-loop.ts"), folder, String(below(1_000_000))],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const enough = ledgerOf(folder).length + below(60);
    while (child.exitCode === null && ledgerOf(folder).length <= enough) await sleep(3);
    await sleep(below(40));
    if (child.exitCode !== null) throw new Error(`The work ended by itself with ${child.exitCode}.`);
    child.kill("SIGKILL");
    await once(child, "exit");
    objects = await judge(folder);
  }
  return { kills: count, objects };
}

/** Everything acknowledged is whole, everything forgotten is gone; also for whoever has lost the index. */
async function judge(folder: string): Promise<number> {
  const kept = new Map<string, { readonly seed: number; readonly size: number }>();
  const gone = new Set<string>();
  for (const [word, ...rest] of ledgerOf(folder).map((line) => line.split(" "))) {
    const id = rest.at(-1) ?? "";
    if (word === "done") {
      kept.set(id, { seed: Number(rest[0]), size: Number(rest[1]) });
      gone.delete(id);
    }
    // From the moment it was begun, either is right.
    if (word === "forget") kept.delete(id);
    if (word === "forgotten") gone.add(id);
    // A put of the same content, begun and not acknowledged, may have brought it back.
    if (word === "put") gone.clear();
  }
  {
    await using opened = await openFolderVault(folder);
    for (const [id, { seed, size }] of kept) {
      expect(Buffer.compare(await readBytes(opened.vault, id), seededBytes(seed, size)), `object ${id}`).toBe(0);
    }
    for (const id of gone) expect(await opened.vault.stat(id), `forgotten ${id}`).toBeUndefined();
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
  }
  {
    await using rebuilt = await openFolderVault(folder, "rebuilt.sqlite");
    for (const id of kept.keys()) expect(await rebuilt.vault.stat(id), `rebuilt ${id}`).toBeDefined();
  }
  for (const file of ["rebuilt.sqlite", "rebuilt.sqlite-wal"]) rmSync(join(folder, file), { force: true });
  return kept.size;
}

function ledgerOf(folder: string): string[] {
  const path = join(folder, "ledger");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
