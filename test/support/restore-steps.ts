// Kills, or fails the disk of, a process at one of the steps of a restore, or of copying a twin into its vault, and
// judges what is left: a twin, whole, or none, and stores from which it comes back.

import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { utf8Decode, utf8Encode } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import { openEngines } from "../../host/engine/open-engines.ts";
import { deriveIdentity } from "../../host/identity/key-tree.ts";
import { formatPhrase } from "../../host/identity/phrase.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { restoreTwin } from "../../host/restore.ts";
import { TwinStores } from "../../host/twin-stores.ts";
import { openTwinVault } from "../../host/twin-vault.ts";
import { visitSleeper } from "../../host/visit-sleeper.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { runStepChild } from "./step-child.ts";
import { putBytes, readBytes } from "./test-vault.ts";

const ENTROPY = seededBytes(9, 32);
/** The phrase of the twin that is restored. */
export const STEP_PHRASE = formatPhrase(ENTROPY);
const CONTENT = seededBytes(10, 200_000);
const ROWS = 300;
const CHILD = fileURLToPath(new URL("./restore-step-child.ts", import.meta.url));

/** Four of the six stores of the twin in `folder`. */
export function stepStores(folder: string): string[] {
  return [1, 3, 4, 6].map((number) => join(folder, "stores", `store-${number}`));
}

/** The twin in `folder`, whose vault has all of it after each `rename`. */
export async function openStepTwin(folder: string): Promise<AsyncDisposable & { rename(to: string): Promise<void> }> {
  await using stack = new AsyncDisposableStack();
  const kernels = await openKernels();
  const identity = deriveIdentity(ENTROPY, kernels);
  const engines = stack.use(await openEngines({ folder: join(folder, "journals"), log: silentLog }));
  const place = { folder: join(folder, "twin"), twin: identity.id, stateKey: identity.keys.state, follow: true };
  const engine = await engines.open(place);
  const parts = { folder, engine, identity, kernels, kernelWorkers: 1, log: silentLog };
  const visited = stack.use((await visitSleeper(parts))!);
  const owned = stack.move();
  return {
    async rename(to) {
      const rows = Array.from({ length: ROWS }, (_, at) => ({
        namespace: "$settings",
        key: utf8Encode(`row-${at}`),
        value: utf8Encode(to),
      }));
      await engine.writeTable(rows);
      await visited.flush();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Breaks `count` runs of the operation, at steps that `below` picks. Answers how many steps there are. */
export async function breakRestoreAtSteps(
  root: string,
  run: { readonly operation: "restore" | "replicate"; readonly fate: "kill" | "fail"; readonly count: number },
  below: (max: number) => number,
): Promise<number> {
  const { operation, fate, count } = run;
  const base = join(root, `${operation}-${fate}`);
  mkdirSync(join(base, "twin"), { recursive: true });
  const id = await fill(base);
  const folderOf = (name: string): string => {
    const folder = join(root, `${operation}-${fate}-${name}`);
    cpSync(base, folder, { recursive: true });
    return folder;
  };
  const whole = await runChild(folderOf("whole"), { ...run, at: -1 });
  expect(whole?.outcome).toBe("done");
  const { steps } = whole!;
  for (let turn = 0; turn < count; turn++) {
    const at = below(steps.length);
    const folder = folderOf(String(turn));
    const left = await runChild(folder, { ...run, at });
    const where = `${operation}, ${fate} at step ${at}: ${steps[at]}`;
    if (fate === "kill") expect(left, where).toBeUndefined();
    await judge(folder, { operation, id, outcome: left?.outcome ?? "killed" }).catch((cause: unknown) => {
      throw new Error(where, { cause });
    });
  }
  return steps.length;
}

/** A twin with rows and an object, all of it in its vault. Answers the object's id. */
async function fill(folder: string): Promise<string> {
  const kernels = await openKernels();
  const identity = deriveIdentity(ENTROPY, kernels);
  let id: string;
  {
    await using stack = new AsyncDisposableStack();
    const parts = { folder, identity, kernels, openTwinStore: new TwinStores().open, log: silentLog };
    const { vault } = await openTwinVault(stack, parts);
    ({ id } = await putBytes(vault, CONTENT));
  }
  await using twin = await openStepTwin(folder);
  await twin.rename("Before");
  return id;
}

interface Left {
  readonly operation: "restore" | "replicate";
  readonly id: string;
  readonly outcome: string;
}

async function judge(folder: string, { operation, id, outcome }: Left): Promise<void> {
  const restored = join(folder, "restored");
  expect(outcome).toMatch(/^(?:killed|done|refused TWIN_)/u);
  if (operation === "restore" && outcome === "done") expect(existsSync(restored)).toBe(true);
  // What a broken one has left does not keep the next one from it.
  if (!existsSync(restored)) {
    await restoreTwin({ folder: restored, phrase: STEP_PHRASE, locations: stepStores(folder), log: silentLog });
  }
  expect(existsSync(`${restored}.making`)).toBe(false);
  const kernels = await openKernels();
  const identity = deriveIdentity(ENTROPY, kernels);
  await using stack = new AsyncDisposableStack();
  const engines = stack.use(await openEngines({ folder: join(restored, "journals"), log: silentLog }));
  const place = { folder: join(restored, "twin"), twin: identity.id, stateKey: identity.keys.state, follow: true };
  const engine = await engines.open(place);
  const [first, ...rows] = await engine.readTable({
    namespace: "$settings",
    start: utf8Encode("row-"),
    limit: ROWS,
  });
  const names = new Set([first!, ...rows].map(({ value }) => utf8Decode(value)));
  expect(rows.length + 1, "rows").toBe(ROWS);
  expect(names.size, "all rows of one moment").toBe(1);
  if (operation === "restore") expect(names).toContain("Before");
  else expect(["Before", "After"]).toContain([...names][0]);
  if (operation === "replicate" && outcome === "done") expect(names).toContain("After");
  const parts = { folder: restored, identity, kernels, openTwinStore: new TwinStores().open, log: silentLog };
  const { vault } = await openTwinVault(stack, parts);
  expect(Buffer.compare(await readBytes(vault, id), CONTENT), "the object").toBe(0);
}

/** What it printed; undefined when it was killed. */
function runChild(
  folder: string,
  { operation, fate, at }: { readonly operation: string; readonly fate: string; readonly at: number },
): ReturnType<typeof runStepChild> {
  return runStepChild([CHILD, operation, folder, fate, String(at)]);
}
