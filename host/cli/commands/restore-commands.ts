// `restore` and `drill`: the twin comes back from its phrase and its stores. `export` and `import`: as open files.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

import { isCancel, password } from "@clack/prompts";
import type { Command } from "commander";

import { dataFolder } from "../../config.ts";
import type { RestoreReport } from "../../restore.ts";
import { answer, formatSize, formatTime, plural, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { storeLocation } from "../store-location.ts";

interface PhraseOptions extends SessionOptions {
  readonly phraseFile?: string | undefined;
}

interface RestoreOptions extends PhraseOptions {
  readonly store: readonly string[];
}

const ONE_HOST = "Never run the old host of this twin again: two hosts of one twin contradict each other.";
const PHRASE_FILE = [
  "--phrase-file <file>",
  "read the 24 words from a file (default: ask, or standard input)",
] as const;

/** Adds the commands to `program`. */
export function addRestoreCommands(program: Command): void {
  program
    .command("restore")
    .description("bring your twin back from its phrase and its stores, on an empty machine")
    .requiredOption(
      "--store <location...>",
      "where a store of yours is (see twin store add --help); more than one is better",
    )
    .option(...PHRASE_FILE)
    .addHelpText(
      "after",
      `
Examples:
  twin restore --data ~/my-twin --store /mnt/usb/twin --store /mnt/nas/twin
  twin restore --store 's3://KEY:SECRET@s3.example.com/bucket' --phrase-file phrase.txt
  twin restore --as family --store /mnt/nas/family   # as another twin of the host that you have`,
    )
    .action((_, command: Command) => restore(command.optsWithGlobals()));
  program
    .command("drill")
    .description("prove that your twin can be restored: does it into a throw-away place, from the stores as they are")
    .action((_, command: Command) => drill(command.optsWithGlobals()));
  program
    .command("export <folder>")
    .description("write your whole twin, in the clear, as files that any program can read, with a signed manifest")
    .action((folder: string, _: unknown, command: Command) => exportFiles(folder, command.optsWithGlobals()));
  program
    .command("import <folder>")
    .description("make your twin of an export and its phrase, on an empty machine")
    .option(...PHRASE_FILE)
    .addHelpText(
      "after",
      `
Examples:
  twin export /mnt/usb/my-twin-in-the-clear
  twin import /mnt/usb/my-twin-in-the-clear --data ~/my-twin --phrase-file phrase.txt`,
    )
    .action((folder: string, _: unknown, command: Command) => importFiles(folder, command.optsWithGlobals()));
}

async function exportFiles(folder: string, options: SessionOptions): Promise<void> {
  const report = await withProgress("Exporting", (onProgress) =>
    withOwner(options, (owner) => owner.exportTo(resolve(folder), onProgress)),
  );
  answer(options, { ...report, folder: resolve(folder) }, () => [
    `${folder} holds ${plural(report.objects, "object")} (${formatSize(report.sizeBytes)} with packages) and ${plural(report.rows, "row")}. Root: ${report.root}`,
    "It is in the clear: keep it where nobody else reads it. It has no keys: to import it you need your phrase.",
  ]);
}

async function importFiles(source: string, options: PhraseOptions): Promise<void> {
  const phrase = await readPhrase(options.phraseFile);
  if (phrase === undefined) return;
  const { createLog } = await import("../../base/log.ts");
  const { importTwin } = await import("../../import-twin.ts");
  const place = { folder: dataFolder(options), name: options.as };
  const report = await withProgress("Importing", (onProgress) =>
    importTwin({ ...place, source: resolve(source), phrase, onProgress, log: createLog("error") }),
  );
  answer(options, report, () => [
    `${report.twin} is in ${report.folder}: ${plural(report.objects, "object")}, ${plural(report.rows, "row")}. Root: ${report.root}`,
    howToGoOn(options),
    ONE_HOST,
  ]);
}

async function restore(options: RestoreOptions): Promise<void> {
  const phrase = await readPhrase(options.phraseFile);
  if (phrase === undefined) return;
  const { createLog } = await import("../../base/log.ts");
  const { restoreTwin } = await import("../../restore.ts");
  const place = { folder: dataFolder(options), name: options.as };
  const locations = options.store.map(storeLocation);
  const report = await withProgress("Restoring", () =>
    restoreTwin({ ...place, phrase, locations, log: createLog("error") }),
  );
  answer(options, report, () => [
    `${report.twin} is back in ${report.folder}, as of ${formatTime(report.atMs)}: ${plural(report.objectCount, "object")}, ${plural(report.rows, "row")}.`,
    ...describeLosses(report, commandFor(options)),
    howToGoOn(options),
    ONE_HOST,
  ]);
}

function describeLosses({ margin, weakest }: RestoreReport, command: string): string[] {
  if (margin >= 2) return [];
  if (margin >= 0)
    return [`Stores are missing: it survives the loss of ${margin} more. Make their shards again: ${command} scrub`];
  const which = weakest === undefined ? "" : `, ${weakest.name || weakest.object} among them`;
  return [`Some objects cannot be read from these stores${which}: bring back more of them, then ${command} scrub`];
}

function howToGoOn(options: SessionOptions): string {
  return options.as === undefined
    ? `Start it: ${commandFor(options)} start`
    : `It is in your host: ${commandFor(options)} status`;
}

/** `twin` with what the twin was chosen by: without it the next command would be about another one, or make a new one. */
function commandFor({ data, as }: SessionOptions): string {
  return `twin${data === undefined ? "" : ` --data ${data}`}${as === undefined ? "" : ` --as ${as}`}`;
}

async function readPhrase(file: string | undefined): Promise<string | undefined> {
  if (file !== undefined) return await readFile(file, "utf8");
  if (!process.stdin.isTTY) return await text(process.stdin);
  const typed = await password({ message: "Your 24 words" });
  return isCancel(typed) ? undefined : typed;
}

async function drill(options: SessionOptions): Promise<void> {
  await withProgress("Restoring into a throw-away place", () => withOwner(options, (owner) => owner.drill()));
  answer(options, { ok: true }, () => "Your twin can be restored from its stores as they are.");
}
