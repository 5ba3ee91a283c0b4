// A process that does one operation on a twin's capabilities and is killed (SIGKILL) at one of the steps
// in which that changes the disk; with no such step it prints the names of all of them.
// Arguments: folder, operation, its arguments as JSON with `file` for a package, step or -1.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

/** Calls that change the disk. The last part of their first argument's path, if it is one, is in the step's name. */
const CHANGES = ["mkdirSync", "openSync", "writeSync", "fsyncSync", "renameSync", "rmSync", "write"] as const;
/** Of these a part may have been done. */
const PARTIAL = new Set<string>(["writeSync", "write"]);

const [folder, name, args, at] = process.argv.slice(2) as [string, string, string, string];
const killAt = Number(at);
const steps: string[] = [];
let isArmed = false;

type Change = (...args: unknown[]) => unknown;
const plain = fs as unknown as Record<string, Change>;
const writeNow = fs.writeSync;

for (const change of CHANGES) {
  const real = plain[change]!;
  plain[change] = (...values: unknown[]): unknown => {
    if (!isArmed) return real(...values);
    const [first, bytes, , , position] = values;
    const subject = typeof first === "string" ? ` ${first.slice(first.lastIndexOf("/") + 1)}` : "";
    step(`before ${change}${subject}`);
    if (PARTIAL.has(change)) {
      step(`within ${change}`, () => {
        const half = (bytes as Uint8Array).subarray(0, (bytes as Uint8Array).length >> 1);
        writeNow(first as number, half, 0, half.length, typeof position === "number" ? position : null);
      });
    }
    if (change !== "write") return real(...values);
    const done = values.pop() as Change;
    return real(...values, (...outcome: unknown[]) => {
      step("after write");
      done(...outcome);
    });
  };
}
syncBuiltinESMExports();

function step(label: string, last: () => void = () => {}): void {
  if (steps.push(label) - 1 !== killAt) return;
  last();
  process.kill(process.pid, "SIGKILL");
}

const { openFolderTwin } = await import("./folder-twin.ts");
const { ENGINE_OPERATIONS } = await import("../../host/engine/engine-operations.ts");
const core = await openFolderTwin(folder);
const given = JSON.parse(args) as string | { file?: string };
const packageBytes =
  typeof given === "object" && given.file !== undefined
    ? new Uint8Array(fs.readFileSync(join(folder, given.file)))
    : undefined;
const request =
  name === "install" ? packageBytes : packageBytes === undefined ? given : { ...(given as object), packageBytes };
isArmed = true;
await (ENGINE_OPERATIONS as unknown as Record<string, Change>)[name]!(core, request, { queueMs: 0 });
isArmed = false;
process.stdout.write(JSON.stringify(steps));
process.exit(0);
