// Kills, or fails the disk of, a process at one of the steps of an operation of the vault, and judges what is left.

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { openFolderVault } from "./folder-vault.ts";
import { LARGE_SIZE, MANY } from "./many-contents.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { runStepChild } from "./step-child.ts";
import { putBytes, readBytes } from "./test-vault.ts";

/** Operations that change the disk. */
export const STEPPED_OPERATIONS = ["put", "putLarge", "putMany", "forget", "scrub", "drain", "compact"] as const;
/** What happens at the step. */
export const STEP_FATES = ["kill", "fail"] as const;
type Operation = (typeof STEPPED_OPERATIONS)[number];
type Fate = (typeof STEP_FATES)[number];

const SIZES = [30_000, 400, 9_000, 120_000, 1, 5_000, 70_000];
const CHILD = fileURLToPath(new URL("./vault-step-child.ts", import.meta.url));

/** Breaks `count` runs of the operation, at steps that `below` picks. Answers how many steps there are. */
export async function breakAtSteps(
  root: string,
  run: { readonly operation: Operation; readonly fate: Fate; readonly count: number },
  below: (max: number) => number,
): Promise<number> {
  const { operation, fate, count } = run;
  const base = join(root, `${operation}-${fate}`);
  mkdirSync(base);
  const ids: string[] = [];
  {
    await using opened = await openFolderVault(base);
    for (const [seed, size] of SIZES.entries()) ids.push((await putBytes(opened.vault, seededBytes(seed, size))).id);
  }
  const folderOf = (name: string): string => {
    const folder = join(root, `${operation}-${fate}-${name}`);
    cpSync(base, folder, { recursive: true });
    return folder;
  };
  const whole = await runChild(folderOf("whole"), { ...run, at: -1 });
  expect(whole?.outcome).toBe("done");
  const steps = whole!.steps;
  for (let turn = 0; turn < count; turn++) {
    const at = below(steps.length);
    const folder = folderOf(String(turn));
    const left = await runChild(folder, { ...run, at });
    const where = `${operation}, ${fate} at step ${at}: ${steps[at]}`;
    // A segment whose name falls into a folder that is there takes fewer steps: the run may be done before its kill.
    if (fate === "kill" && left !== undefined) expect(left.steps.length, where).toBeLessThanOrEqual(at);
    await judge(folder, { operation, ids, outcome: left?.outcome ?? "killed" }).catch((cause: unknown) => {
      throw new Error(where, { cause });
    });
  }
  return steps.length;
}

async function judge(
  folder: string,
  left: { readonly operation: Operation; readonly ids: readonly string[]; readonly outcome: string },
): Promise<void> {
  const { operation, ids, outcome } = left;
  // What a put adds, and what a put of many adds, all of it or nothing: they make one segment.
  const fresh = operation === "putMany" ? MANY : [seededBytes(77, operation === "putLarge" ? LARGE_SIZE : 50_000)];
  await using opened = await openFolderVault(folder);
  const { vault } = opened;
  const known = new Map(
    (await vault.find(({ type }) => type === "application/octet-stream")).map((info) => [info.id, info]),
  );
  for (const [seed, id] of ids.entries()) {
    if (operation === "forget" && !known.has(id)) continue;
    expect(Buffer.compare(await readBytes(vault, id), seededBytes(seed, SIZES[seed]!)), `object ${seed}`).toBe(0);
  }
  const added = [...known.keys()].filter((id) => !ids.includes(id));
  const gone = ids.filter((id) => !known.has(id));
  expect(gone.length).toBeLessThanOrEqual(operation === "forget" ? 1 : 0);
  const count = operation.startsWith("put") ? fresh.length : 0;
  expect([0, count]).toContain(added.length);
  if (outcome === "done") expect(added).toHaveLength(count);
  if (outcome === "done" && operation === "forget") expect(gone).toHaveLength(1);
  const contents = await Promise.all(added.map((id) => readBytes(vault, id)));
  for (const bytes of contents) expect(fresh.some((each) => Buffer.compare(each, bytes) === 0)).toBe(true);
  expect(await vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
  for (const id of known.keys()) expect((await readBytes(vault, id)).length).toBe(known.get(id)!.sizeBytes);
}

/** What it printed; undefined when it was killed. */
function runChild(
  folder: string,
  { operation, fate, at }: { readonly operation: Operation; readonly fate: Fate; readonly at: number },
): ReturnType<typeof runStepChild> {
  return runStepChild([CHILD, folder, operation, fate, String(at)]);
}
