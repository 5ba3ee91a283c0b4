// `put`, `get`, `scrub`: bytes that are kept alive.

import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";

import type { Command } from "commander";

import type { FolderReport, ObjectInfo, ScrubReport } from "../../index.ts";
import { answer, endIncomplete, formatSize, note, plural, print, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

const PUT_HELP = `
Examples:
  twin put holiday.mp4 --json
  twin put Documents          each file becomes an object called Documents/...; run it again to store what is new
`;

/** Adds the commands to `program`. */
export function addObjectCommands(program: Command): void {
  program
    .command("put <path>")
    .description("store a file in the vault, or each file of a folder, and print the object ids")
    .addHelpText("after", PUT_HELP)
    .action((path: string, _: unknown, command: Command) => put(path, command.optsWithGlobals()));
  program
    .command("get <id>")
    .description("read an object of the vault into a file")
    .requiredOption("--out <file>", "where to write it")
    .addHelpText("after", "\nExample:\n  twin get 6xQ… --out holiday.mp4\n")
    .action((id: string, _: unknown, command: Command) => get(id, command.optsWithGlobals()));
  program
    .command("scrub")
    .description("check every shard in every store, repair what is missing or broken, count again")
    .action((_, command: Command) => scrub(command.optsWithGlobals()));
}

async function put(path: string, options: SessionOptions): Promise<void> {
  const found = await stat(path);
  if (found.isDirectory()) return await putFolder(path, options);
  const info = await withProgress(`Storing ${basename(path)}`, (onProgress) =>
    withOwner(options, (owner) => owner.putFile(resolve(path), onProgress)),
  );
  answer(options, info, () => info.id);
}

/** Prints each object when it is durable, so that what was stored is known whatever ends the command. */
async function putFolder(path: string, options: SessionOptions): Promise<void> {
  const objects: ObjectInfo[] = [];
  const onStored = (stored: readonly ObjectInfo[]): void => {
    if (options.json === true) objects.push(...stored);
    else for (const { id, name } of stored) print(`${id}  ${name}`);
  };
  const report = await withProgress(`Storing ${basename(path)}`, (onProgress) =>
    withOwner(options, (owner) => owner.putFolder(resolve(path), onStored, onProgress)),
  );
  if (options.json === true) print(JSON.stringify({ ...report, objects }));
  else for (const line of describeFolder(report)) note(line);
  // What was to be stored and was not must not look like success.
  if (report.failedCount > 0) endIncomplete();
}

function describeFolder({ objectCount, sizeBytes, otherCount, failedCount, failures }: FolderReport): string[] {
  const lines = [`${plural(objectCount, "file")}, ${formatSize(sizeBytes)}.`];
  if (otherCount > 0) lines.push(`${plural(otherCount, "link")} or other things that are no files were left out.`);
  lines.push(...failures.map(({ path, reason }) => `${path} could not be stored: ${reason}.`));
  if (failedCount > failures.length) lines.push(`So could ${failedCount - failures.length} more not.`);
  return lines;
}

async function get(id: string, options: SessionOptions & { readonly out: string }): Promise<void> {
  const info = await withProgress(`Reading ${id}`, (onProgress) =>
    withOwner(options, (owner) => owner.getFile(id, resolve(options.out), onProgress)),
  );
  answer(options, { ...info, path: resolve(options.out) }, () => `${options.out}: ${formatSize(info.sizeBytes)}`);
}

async function scrub(options: SessionOptions): Promise<void> {
  const report = await withProgress("Checking every shard", (onProgress) =>
    withOwner(options, (owner) => owner.scrub(onProgress)),
  );
  answer(options, report, () => describeScrub(report));
}

function describeScrub(report: ScrubReport): string[] {
  const lines = [
    `${plural(report.shardsChecked, "shard")} of ${plural(report.segments, "segment")}: ${report.shardsMissing} missing, ${report.shardsCorrupt} corrupt, ${report.shardsRepaired} repaired.`,
  ];
  if (report.segmentsLost > 0)
    lines.push(
      `${plural(report.segmentsLost, "segment")} cannot be rebuilt: bring back a lost store, then scrub again.`,
    );
  else if (report.margin === 0)
    lines.push("Counted again: the next store that fails costs data. Add stores or bring some back, then scrub again.");
  else lines.push(`Counted again: every segment survives the loss of any ${plural(report.margin, "store")}.`);
  return lines;
}
