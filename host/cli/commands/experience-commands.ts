// `experience`: the web apps that use the twin.

import { resolve } from "node:path";

import type { Command } from "commander";

import { TwinError } from "../../base/errors.ts";
import { installedRow } from "../installed-row.ts";
import { missingNeeds } from "../missing-needs.ts";
import { answer, note, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

/** Adds the commands to `program`. */
export function addExperienceCommands(program: Command): void {
  const experience = program.command("experience").description("install, list and remove experiences (web apps)");
  experience
    .command("install <folder>")
    .description("install a folder with an experience.json; the owner grants what it needs when it first opens")
    .action((folder: string, _: unknown, command: Command) => installExperience(folder, command.optsWithGlobals()));
  experience
    .command("remove <name>")
    .description("remove an experience, and what it was granted")
    .action((name: string, _: unknown, command: Command) => removeExperience(name, command.optsWithGlobals()));
  experience
    .command("list")
    .description("what is installed")
    .action((_, command: Command) => listExperiences(command.optsWithGlobals()));
}

async function installExperience(folder: string, options: SessionOptions): Promise<void> {
  const { info, installed } = await withOwner(options, async (owner) => ({
    info: await owner.installExperienceFolder(resolve(folder)),
    installed: await owner.capabilities(),
  }));
  answer(options, info, () => `${info.title} ${info.version} is installed (${info.hash.slice(0, 16)}).`);
  if (options.json === true) return;
  note("It may do nothing yet: you grant what it needs when you first open it.");
  for (const line of missingNeeds(info, installed)) note(line);
}

async function removeExperience(name: string, options: SessionOptions): Promise<void> {
  await withOwner(options, async (owner) => {
    if ((await owner.experiences()).some((experience) => experience.name === name)) {
      return await owner.removeExperience(name);
    }
    throw new TwinError("TWIN_EXPERIENCE_UNKNOWN", `No experience ${name} is installed; see: twin experience list`);
  });
  answer(options, { removed: name }, () => `${name} is removed, and what it was granted has ended.`);
}

async function listExperiences(options: SessionOptions): Promise<void> {
  const installed = await withOwner(options, (owner) => owner.experiences());
  answer(options, installed, () => table(installed.map(installedRow)));
}
