// `capability` and `experience`: what the twin can do, and the apps that use it.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { Command } from "commander";

import { answer, formatSize, note, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { addAuthorCommands, describePermission } from "./author-commands.ts";

/** Adds the commands to `program`. */
export function addCapabilityCommands(program: Command): void {
  const capability = program
    .command("capability")
    .description("begin, test, build, sign, inspect, install and remove capabilities");
  addAuthorCommands(capability);
  capability
    .command("install <file>")
    .description("install a package in the twin")
    .action((file: string, _: unknown, command: Command) => install(file, command.optsWithGlobals()));
  capability.command("list").action((_, command: Command) => list(command.optsWithGlobals()));
  capability
    .command("remove <name>")
    .description("remove a capability; its data stays for 30 days")
    .action((name: string, _: unknown, command: Command) => remove(name, command.optsWithGlobals()));

  const experience = program.command("experience").description("install and list experiences (web apps)");
  experience
    .command("install <folder>")
    .description("install a folder with an experience.json; the owner grants what it needs when it first opens")
    .action((folder: string, _: unknown, command: Command) => installExperience(folder, command.optsWithGlobals()));
  experience.command("list").action((_, command: Command) => listExperiences(command.optsWithGlobals()));
}

async function install(file: string, options: SessionOptions): Promise<void> {
  const bytes = await readFile(file);
  const installed = await withOwner(options, (owner) => owner.installCapability(new Uint8Array(bytes)));
  answer(options, installed, () => [
    `${installed.name} ${installed.version} is installed (${installed.hash.slice(0, 16)}, by ${installed.publisher}).`,
    ...installed.permissions.map((request) => `  may ${describePermission(request)}: ${request.reason}`),
  ]);
}

async function list(options: SessionOptions): Promise<void> {
  const installed = await withOwner(options, (owner) => owner.capabilities());
  answer(options, installed, () =>
    table(
      installed.map((item) => [
        item.name,
        item.version,
        item.hash.slice(0, 16),
        formatSize(item.sizeBytes),
        item.description,
      ]),
    ),
  );
}

async function remove(name: string, options: SessionOptions): Promise<void> {
  await withOwner(options, (owner) => owner.removeCapability(name));
  answer(options, { removed: name }, () => `${name} is removed; its data stays for 30 days.`);
}

async function installExperience(folder: string, options: SessionOptions): Promise<void> {
  const info = await withOwner(options, (owner) => owner.installExperienceFolder(resolve(folder)));
  answer(options, info, () => `${info.title} ${info.version} is installed (${info.hash.slice(0, 16)}).`);
  if (options.json !== true) note("It may do nothing yet: you grant what it needs when you first open it.");
}

async function listExperiences(options: SessionOptions): Promise<void> {
  const installed = await withOwner(options, (owner) => owner.experiences());
  answer(options, installed, () =>
    table(
      installed.map((item) => [
        item.name,
        item.version,
        item.hash.slice(0, 16),
        formatSize(item.sizeBytes),
        item.description,
      ]),
    ),
  );
}
