// Gives an author's folder typed calls of another capability, and asks for them in capability.json.

import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TwinError } from "../base/errors.ts";
import { isRecord } from "./strict-shape.ts";
import { CAPABILITY_FILE, readCapabilityFile } from "./authoring/capability-file.ts";
import { foreignLanguageOf } from "./authoring/compile-foreign.ts";
import { CALLS_FOLDER, type CalledCapability, callsName, writeCalls } from "./authoring/write-calls.ts";

export type { CalledCapability } from "./authoring/write-calls.ts";

/** What was added. */
export interface AddedCalls {
  /** The file of calls, relative to the folder. */
  readonly path: string;
  /** Name to import from it. */
  readonly name: string;
}

/**
 * Writes `calls/<name>.ts` in `folder` (absolute), over what an earlier version wrote there, and says
 * in `capability.json` that this version is needed, and why: `reason`, which the owner reads, may be
 * absent when one stands there. Throws `TWIN_PACKAGE_INVALID`; nothing is changed then.
 */
export async function addCalls(
  folder: string,
  capability: CalledCapability,
  reason: string | undefined,
): Promise<AddedCalls> {
  if (foreignLanguageOf(folder) !== undefined) {
    const message = `Typed calls are AssemblyScript's. Here, call ${capability.name} by the host function "call", and ask for its methods in manifest.json (docs/guides/abi-for-any-language.md).`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { folder });
  }
  const file = join(folder, CAPABILITY_FILE);
  const described = await readCapabilityFile(file);
  const calls = isRecord(described["calls"]) ? described["calls"] : {};
  const dependencies = isRecord(described["dependencies"]) ? described["dependencies"] : {};
  // What stands beside another major version is found by the range of the dependency, not by its name here.
  const called = { ...capability, name: capability.name.replace(/@.*$/u, "") };
  const { name, version } = called;
  const asked = calls[name] ?? (reason === undefined ? undefined : { reason });
  if (asked === undefined) {
    const message = `Say with --reason what ${name} is called for: the owner reads it before anything is installed.`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { name });
  }
  const asking = {
    ...described,
    calls: { ...calls, [name]: asked },
    // These calls are those of this version: a later one of the same major takes and answers them too.
    dependencies: { ...dependencies, [name]: `^${version}` },
  };
  await replaceFile(file, `${JSON.stringify(asking, undefined, 2)}\n`);
  const path = join(CALLS_FOLDER, `${name}.ts`);
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await replaceFile(join(folder, path), writeCalls(called));
  return { path, name: callsName(name) };
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
