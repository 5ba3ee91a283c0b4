// A process that restores a twin from its stores, or copies one into them, and at one of the steps in which that changes
// the disk is killed, or meets a disk that fails. Arguments: restore | replicate, folder, kill | fail, step or -1.

import { join } from "node:path";
import { watchDisk } from "./disk-steps.ts";

const [operation, folder, fate, at] = process.argv.slice(2) as [string, string, "kill" | "fail", string];
const disk = await watchDisk({ fate, at: Number(at) });

const { silentLog } = await import("../../host/base/log.ts");
const { restoreTwin } = await import("../../host/restore.ts");
const { openStepTwin, STEP_PHRASE, stepStores } = await import("./restore-steps.ts");

const restore = (): Promise<unknown> =>
  restoreTwin({ folder: join(folder, "restored"), phrase: STEP_PHRASE, locations: stepStores(folder), log: silentLog });

async function replicate(): Promise<unknown> {
  await using twin = await openStepTwin(folder);
  return await disk.run(() => twin.rename("After"));
}

const left = operation === "restore" ? await disk.run(restore) : await replicate();
process.stdout.write(JSON.stringify(left));
process.exit(0);
