// Runs the crash load on a disk that fails now and then, kills it when chance says so, judges what is
// left, and begins again.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { judgeCrash, layOutCrashFolder, tearCrashFolder } from "./crash-ledger.ts";

/** Kills `kills` processes on one folder; returns how many commands have taken effect. Throws when one of them was lost, halved or doubled. */
export async function runCrashLoop(
  folder: string,
  options: { readonly kills: number; readonly below: (max: number) => number; readonly hasTime?: () => boolean },
): Promise<{ readonly kills: number; readonly commands: number }> {
  const { kills, below, hasTime = () => true } = options;
  layOutCrashFolder(folder);
  let commands = 0;
  let round = 0;
  for (; round < kills && hasTime(); round++) {
    const load = join(import.meta.dirname, "busy-twins-loop.ts");
    const child = spawn(process.execPath, [load, folder, String(below(2 ** 31))], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    // Sometimes it dies while it still opens what the one before has left.
    const enough = below(8) === 0 ? 0 : ledgerSize(folder) + 1 + below(2_000);
    while (child.exitCode === null && ledgerSize(folder) < enough) await sleep(2);
    await sleep(below(enough === 0 ? 400 : 20));
    if (child.exitCode !== null) throw new Error(`The load ended by itself with ${child.exitCode}.`);
    child.kill("SIGKILL");
    await once(child, "exit");
    // Sometimes the power is gone too.
    if (below(2) === 0) tearCrashFolder(folder, below);
    commands = await judgeCrash(folder);
  }
  return { kills: round, commands };
}

/** Grows by about ten bytes whenever a command begins, and whenever one is acknowledged. */
function ledgerSize(folder: string): number {
  return statSync(join(folder, "ledger"), { throwIfNoEntry: false })?.size ?? 0;
}
