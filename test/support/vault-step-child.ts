// A process that does one thing with a vault and, at one of the steps in which that changes the disk, is killed
// (SIGKILL) or meets a disk that fails; with no such step it prints the names of all of them.
// Arguments: folder, operation, kill | fail, step or -1.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { SmallObject } from "../../host/vault/object.ts";

const [folder, operation, mode, at] = process.argv.slice(2) as [string, string, "kill" | "fail", string];
const steps: string[] = [];
let isArmed = false;

type Call = (this: unknown, ...values: unknown[]) => unknown;

/** A step: nothing, or the end of this process, or an error of the disk. */
function step(label: string): void {
  if (!isArmed || steps.push(label) - 1 !== Number(at)) return;
  if (mode === "kill") process.kill(process.pid, "SIGKILL");
  const code = label.startsWith("write") ? "ENOSPC" : "EIO";
  throw Object.assign(new Error(`${code}: ${label}`), { code, syscall: label });
}

/** Has a step before and, so that a failure there comes when all is done already, behind each call. */
function watch(owner: object, name: string): void {
  const methods = owner as Record<string, Call>;
  const real = methods[name]!;
  methods[name] = async function watched(...values) {
    step(name);
    const result = await real.apply(this, values);
    step(`${name}, done`);
    return result;
  };
}

const probe = await fs.promises.open(import.meta.filename);
const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
await probe.close();
const realWrite = handles["write"]!;
handles["write"] = async function write(...values) {
  step("write");
  const [bytes, offset, size, position] = values as [Uint8Array, number, number, number];
  // Whole pages, where there are some: less does not go past the page cache.
  const half = size < 8_192 ? size >> 1 : (size >> 13) << 12;
  if (isArmed && steps.length === Number(at)) await realWrite.call(this, bytes, offset, half, position);
  step("write, half of it");
  return realWrite.apply(this, values);
};
for (const name of ["datasync", "sync", "truncate"]) watch(handles, name);
for (const name of ["mkdir", "rm", "rename"]) watch(fs.promises, name);
syncBuiltinESMExports();
// A commit of the index that fails has no effect: the store of tables sees to that. So it is only killed here.
const databases = DatabaseSync.prototype as unknown as Record<string, Call>;
const realExec = databases["exec"]!;
databases["exec"] = function exec(sql) {
  if (mode === "kill" && sql === "COMMIT") step("COMMIT");
  realExec.call(this, sql);
  if (mode === "kill" && sql === "COMMIT") step("COMMIT, done");
};

const { openFolderVault } = await import("./folder-vault.ts");
const { seededBytes } = await import("./seeded-bytes.ts");
const { putBytes } = await import("./test-vault.ts");
const { LARGE_SIZE, MANY } = await import("./many-contents.ts");
const { vault } = await openFolderVault(folder);
const first = (await vault.find(({ type }) => type === "application/octet-stream"))[0]!.id;
const WORK: Readonly<Record<string, () => Promise<unknown>>> = {
  put: () => putBytes(vault, seededBytes(77, 50_000)),
  putLarge: () => putBytes(vault, seededBytes(77, LARGE_SIZE)),
  putMany: () => vault.putMany(many()),
  forget: () => vault.forget(first),
  scrub: async () => {
    for (const name of fs
      .readdirSync(join(folder, "stores", "a"), { recursive: true })
      .map(String)
      .slice(0, 4)) {
      if (name.endsWith(".shard")) fs.rmSync(join(folder, "stores", "a", name));
    }
    await vault.scrub();
  },
  drain: () => vault.stores.drain("c"),
  compact: () => vault.compact(),
};
async function* many(): AsyncGenerator<SmallObject, void, undefined> {
  for (const [at, bytes] of MANY.entries()) yield { bytes, meta: { name: `${at}` } };
}

isArmed = true;
const outcome = await WORK[operation]!().then(
  () => "done",
  (thrown: { readonly code?: unknown }) => `refused ${String(thrown.code)}`,
);
isArmed = false;
process.stdout.write(JSON.stringify({ steps, outcome }));
process.exit(0);
