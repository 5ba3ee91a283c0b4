// Runs the crash load, kills it when chance says so, judges what is left, and begins again.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { judgeCrash, layOutCrashFolder } from "./crash-ledger.ts";

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
    const child = spawn(process.execPath, [join(import.meta.dirname, "crash-load.ts"), folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Sometimes it dies while it still opens what the one before has left.
    const opening = below(8) === 0;
    if (!opening) await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    await sleep(below(opening ? 400 : 120));
    if (child.exitCode !== null) throw new Error(`The load ended by itself with ${child.exitCode}.`);
    child.kill("SIGKILL");
    await once(child, "exit");
    commands = await judgeCrash(folder);
  }
  return { kills: round, commands };
}
