// `client`: types for who writes an experience.

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { Command } from "commander";

import { answer } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

/** Adds the command to `program`. */
export function addClientCommand(program: Command): void {
  program
    .command("client [packages...]")
    .description("write TypeScript types of what is installed (or of these packages) for /-/twin.js")
    .option("--out <file>", "where they go", "twin.d.ts")
    .addHelpText("after", "\nExample:\n  twin client --out my-experience/twin.d.ts\n")
    .action((packages: string[], _: unknown, command: Command) => writeTypes(packages, command.optsWithGlobals()));
}

async function writeTypes(
  packages: readonly string[],
  options: SessionOptions & { readonly out: string },
): Promise<void> {
  const { clientTypes, clientTypesOfFiles } = await import("../../author.ts");
  const text =
    packages.length > 0
      ? await clientTypesOfFiles(packages.map((path) => resolve(path)))
      : clientTypes(await withOwner(options, (owner) => owner.capabilities()));
  await writeFile(resolve(options.out), text);
  answer(options, { path: resolve(options.out) }, () => `The types stand in ${options.out}.`);
}
