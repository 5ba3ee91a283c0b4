// Kills a process at each step of an operation on capabilities, and judges what it has left: the state
// before or the state after, whole, with every package file that it needs.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import type { EngineCore } from "../../host/engine/engine-core.ts";
import { ENGINE_OPERATIONS, type Operation } from "../../host/engine/engine-operations.ts";
import type { OperationArgs, OperationName } from "../../host/engine/operations.ts";
import { changedProbe } from "./changed-probe.ts";
import { hashTables, openFolderTwin } from "./folder-twin.ts";
import { probePackage } from "./probe-package.ts";

const CHILD = fileURLToPath(new URL("./installation-child.ts", import.meta.url));
const REWRITE = `(call $kv_put (i32.const 0) (i32.const 1) (local.get 0) (local.get 1))
  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`;

/** An operation, and what was done before it. */
export interface KilledOperation {
  readonly name: "install" | "upgrade" | "rollBack" | "remove" | "restore";
  readonly args: unknown;
  /** What brings the twin to where the operation begins. */
  readonly before: (core: EngineCore) => Promise<void>;
}

const FIRST = probePackage();
const SECOND = changedProbe({ version: "2.0.0", more: { migrate: REWRITE } }, ({ methods }) => ({
  dataVersion: 2,
  migration: { keeps: ["k"] },
  methods: { ...methods, migrate: { ...methods["migrate"]!, params: true } },
}));

const run = <Name extends OperationName>(core: EngineCore, name: Name, args: OperationArgs<Name>) =>
  (ENGINE_OPERATIONS[name] as Operation<Name>)(core, args, { queueMs: 0 });

async function installFirst(core: EngineCore): Promise<void> {
  await run(core, "install", FIRST);
  const payload = jsonEncode("old");
  await run(core, "call", { holder: { kind: "owner" }, capability: "probe", method: "put", payload });
}

/** As many versions as can be gone back to: the next one makes the oldest go. */
async function fillHistory(core: EngineCore): Promise<void> {
  await installFirst(core);
  for (const version of ["1.1.0", "1.2.0", "1.3.0"]) await run(core, "install", probePackage({ version }));
}

async function installBoth(core: EngineCore): Promise<void> {
  await installFirst(core);
  await run(core, "upgrade", { packageBytes: SECOND });
}

/** Every operation that changes which capabilities there are. */
export const KILLED_OPERATIONS: readonly KilledOperation[] = [
  { name: "install", args: { file: "first.wasm" }, before: async () => {} },
  { name: "upgrade", args: { file: "second.wasm" }, before: fillHistory },
  {
    name: "rollBack",
    args: { name: "probe", version: "1.2.0" },
    before: async (core) => {
      await fillHistory(core);
      await run(core, "upgrade", { packageBytes: SECOND });
    },
  },
  { name: "remove", args: "probe", before: installBoth },
  {
    name: "restore",
    args: "probe",
    before: async (core) => {
      await installBoth(core);
      await run(core, "remove", "probe");
    },
  },
];

/** How often each state was left. */
interface Seen {
  readonly old: number;
  readonly new: number;
}

/** Kills at each step that `isWanted`; returns how often the old state and how often the new one was left. Throws for anything between. */
export async function killAtSteps(
  root: string,
  operation: KilledOperation,
  isWanted: (step: string) => boolean = () => true,
): Promise<Seen> {
  const base = join(root, `${operation.name}-base`);
  mkdirSync(base, { recursive: true });
  writeFileSync(join(base, "first.wasm"), FIRST);
  writeFileSync(join(base, "second.wasm"), SECOND);
  const before = await openFolderTwin(base);
  await operation.before(before);
  const old = hashTables(before);
  await before.close();
  const whole = join(root, `${operation.name}-whole`);
  cpSync(base, whole, { recursive: true });
  const steps = JSON.parse((await runChild(whole, operation, -1))!) as string[];
  const fresh = await judge(whole, undefined);
  expect(fresh).not.toEqual(old);
  let [oldCount, newCount] = [0, 0];
  for (const [index, step] of steps.entries()) {
    if (!isWanted(step)) continue;
    const folder = join(root, `${operation.name}-${index}`);
    cpSync(base, folder, { recursive: true });
    expect(await runChild(folder, operation, index), step).toBeUndefined();
    const left = await judge(folder, operation);
    if (JSON.stringify(left) === JSON.stringify(old)) oldCount += 1;
    else {
      expect(left, `${operation.name} killed ${step}`).toEqual(fresh);
      newCount += 1;
    }
  }
  return { old: oldCount, new: newCount };
}

/** What it printed; undefined when it was killed. */
function runChild(folder: string, { name, args }: KilledOperation, at: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CHILD, folder, name, JSON.stringify(args), String(at)], (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.signal === "SIGKILL") resolve(undefined);
      else reject(new Error(stderr));
    });
  });
}

/** The tables, once every installed capability has answered; then the operation is done to its end, as its owner would. */
async function judge(folder: string, operation: KilledOperation | undefined): Promise<Record<string, string>> {
  const core = await openFolderTwin(folder);
  try {
    const tables = hashTables(core);
    for (const { name, manifest } of core.register.list()) {
      const call = { holder: { kind: "owner" }, capability: name, method: "get", payload: jsonEncode("") } as const;
      const { payload, receipt } = await run(core, "call", call);
      expect(receipt.version).toBe(manifest.version);
      // Before its first command it has nothing to say.
      expect(manifest.version === "2.0.0" ? [{ from: 1 }] : ["old", null]).toContainEqual(jsonDecode(payload));
    }
    if (operation?.name === "install") await run(core, "install", FIRST);
    if (operation?.name === "upgrade") await run(core, "upgrade", { packageBytes: SECOND });
    return tables;
  } finally {
    await core.close();
  }
}
