// `capability add`: typed calls of another capability for who writes one.

import { existsSync } from "node:fs";
import { resolve } from "node:path";

import type { Command } from "commander";

import { TwinError } from "../../base/errors.ts";
import { answer } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

interface AddOptions extends SessionOptions {
  readonly to: string;
  readonly reason?: string | undefined;
}

/** Adds the command to `capability`. */
export function addCallsCommand(capability: Command): void {
  capability
    .command("add <source>")
    .description(
      "give the capability in a folder typed calls of another: an installed one by name, or a package from anywhere",
    )
    .option("--to <folder>", "the folder that calls it", ".")
    .option("--reason <text>", "why it is called; the owner reads it at the installation")
    .addHelpText(
      "after",
      '\nExample:\n  twin capability add contacts --to guestbook --reason "Shows names in place of ids."\n',
    )
    .action((source: string, _: unknown, command: Command) => add(source, command.optsWithGlobals()));
}

async function add(source: string, options: AddOptions): Promise<void> {
  const { addCallsOf } = await import("../../author.ts");
  const { isTwinSource, obtainPackage } = await import("../../package-source.ts");
  const isPackage = /^(?:https?|oci):/u.test(source) || existsSync(source);
  const called = isTwinSource(source)
    ? await withOwner(options, (owner) => obtainPackage(source, owner), { peers: true })
    : isPackage
      ? await obtainPackage(source)
      : await installedNamed(source, options);
  const { path, name } = await addCallsOf({ folder: resolve(options.to), called, reason: options.reason });
  answer(options, { path, name }, () => [
    `The calls stand in ${path}. In index.ts:`,
    `  import { ${name} } from "./${path.replaceAll("\\", "/").replace(/\.ts$/u, "")}";`,
  ]);
}

async function installedNamed(name: string, options: SessionOptions) {
  const installed = await withOwner(options, (owner) => owner.capabilities());
  const found = installed.find((capability) => capability.name === name);
  if (found !== undefined) return found;
  const message = `${name} is neither a file nor a capability of this twin; installed are: ${installed.map((each) => each.name).join(", ")}.`;
  throw new TwinError("TWIN_INPUT_INVALID", message, { name });
}
