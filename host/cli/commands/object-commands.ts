// `put`, `get`, `scrub`: bytes that are kept alive.

import { basename, resolve } from "node:path";

import type { Command } from "commander";

import type { ScrubReport } from "../../index.ts";
import { answer, formatSize, plural, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

/** Adds the commands to `program`. */
export function addObjectCommands(program: Command): void {
  program
    .command("put <file>")
    .description("store a file in the vault and print its object id")
    .addHelpText("after", "\nExample:\n  twin put holiday.mp4 --json\n")
    .action((file: string, _: unknown, command: Command) => put(file, command.optsWithGlobals()));
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

async function put(file: string, options: SessionOptions): Promise<void> {
  const info = await withProgress(`Storing ${basename(file)}`, (onProgress) =>
    withOwner(options, (owner) => owner.putFile(resolve(file), onProgress)),
  );
  answer(options, info, () => info.id);
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
  else lines.push(`Counted again: every segment survives the loss of any ${plural(report.margin, "store")}.`);
  return lines;
}
