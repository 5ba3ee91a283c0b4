// The capabilities and experiences that come with the host, installed once at the first start.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { TwinError } from "./base/errors.ts";
import type { Engine } from "./engine/engine.ts";
import type { ExperienceShelf } from "./packages/experience-shelf.ts";
import { installationFolder } from "./installation.ts";
import type { Manifest } from "./packages/manifest.ts";
import type { Settings } from "./settings.ts";

const CAPABILITIES = ["echo", "contacts", "chat", "files"] as const;
const EXPERIENCES = ["chat", "files"] as const;
const UNWANTED: ReadonlySet<string> = new Set(["TWIN_PACKAGE_REVIEW", "TWIN_PACKAGE_REFUSED"]);

/** Where the built-ins come from and go to. */
export interface BuiltInParts {
  /** Folder of `NAME-VERSION.wasm` packages. */
  readonly packages: string;
  /** Folder of one folder for each experience. */
  readonly experiences: string;
  readonly engine: Pick<Engine, "install" | "grant" | "grants">;
  readonly shelf: Pick<ExperienceShelf, "install">;
  readonly settings: Settings;
}

/**
 * Installs what has never been installed in this twin and grants the built-in experiences what they
 * need. Safe to repeat after a kill: each step does nothing when it was done. What the owner removed
 * stays removed, and what the owner's rule about packages does not let in is left out until the next start.
 */
export async function installBuiltIns(parts: BuiltInParts): Promise<void> {
  const done = new Set(((await parts.settings.get("builtIns")) ?? "").split(" "));
  const remember = async (name: string): Promise<void> => {
    done.add(name);
    await parts.settings.set("builtIns", [...done].join(" ").trim());
  };
  for (const name of CAPABILITIES) {
    if (done.has(`capability:${name}`)) continue;
    const file = await readPackageFile(parts.packages, name);
    if (await isTaken(parts.engine, file)) await remember(`capability:${name}`);
  }
  for (const name of EXPERIENCES) {
    if (done.has(`experience:${name}`)) continue;
    const { needs } = await parts.shelf.install(join(parts.experiences, name));
    const holder = `experience:${name}` as const;
    const held = new Set(
      (await parts.engine.grants()).filter((grant) => grant.holder === holder).map((grant) => grant.capability),
    );
    for (const need of needs.filter(({ capability }) => !held.has(capability))) {
      await parts.engine.grant({ holder, capability: need.capability, methods: need.methods, reason: need.reason });
    }
    await remember(`experience:${name}`);
  }
}

/** The packages of the built-in capabilities that `manifest` depends on and that are not among `others`. */
export async function builtInsFor(
  { dependencies = {} }: Pick<Manifest, "dependencies">,
  others: readonly string[],
): Promise<Uint8Array[]> {
  const folder = join(installationFolder(), "capabilities", "build");
  const wanted = CAPABILITIES.filter((name) => Object.hasOwn(dependencies, name) && !others.includes(name));
  return await Promise.all(wanted.map((name) => readPackageFile(folder, name)));
}

/** The owner's rule about packages holds for what comes with the host too; it must not keep the host from starting. */
async function isTaken(engine: Pick<Engine, "install">, file: Uint8Array): Promise<boolean> {
  try {
    await engine.install(file);
    return true;
  } catch (thrown) {
    if (thrown instanceof TwinError && UNWANTED.has(thrown.code)) return false;
    throw thrown;
  }
}

async function readPackageFile(folder: string, name: string): Promise<Uint8Array> {
  const files = await readdir(folder).catch(() => []);
  const file = files.find((candidate) => candidate.startsWith(`${name}-`) && candidate.endsWith(".wasm"));
  if (file === undefined)
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", `The built-in capability ${name} is not built: run npm run build.`);
  return await readFile(join(folder, file));
}
