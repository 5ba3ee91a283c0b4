// `vault list|cat|reindex`: the objects of shards and keys alone, when host or index are broken or gone.

import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { Command } from "commander";

import { dataFolder } from "../../config.ts";
import { answer, formatSize, note, table, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { storeLocation } from "../store-location.ts";

interface ShardOptions extends SessionOptions {
  readonly store?: readonly string[] | undefined;
  readonly phraseFile?: string | undefined;
}

/** Adds the commands to `program`. */
export function addVaultCommands(program: Command): void {
  const vault = program
    .command("vault")
    .description("read shards directly, without a host or its index: for a machine where these are broken or gone");
  withKeys(vault.command("list").description("the objects of which these stores hold enough")).action(
    (_, command: Command) => list(command.optsWithGlobals()),
  );
  vault
    .command("reindex")
    .description("make the index of the vault again from its stores; the host must be stopped")
    .action((_, command: Command) => reindex(command.optsWithGlobals()));
  withKeys(vault.command("cat <id>").description("write an object to standard output, or to a file"))
    .option("--out <file>", "where to write it")
    .addHelpText(
      "after",
      `
Examples:
  twin vault list --phrase-file phrase.txt --store /mnt/usb/twin /mnt/nas/twin
  twin vault cat 6xQ… --out holiday.mp4

docs/formats/vault-cat.mjs does the same without any of this program.`,
    )
    .action((id: string, _: unknown, command: Command) => cat(id, command.optsWithGlobals()));
}

function withKeys(command: Command): Command {
  return command
    .option("--store <location...>", "stores to read (default: those of the data folder)")
    .option("--phrase-file <file>", "a file with the 24 words (default: the keystore of the data folder)");
}

/** The data folder, or that of another twin of the host. */
async function twinFolder(options: SessionOptions): Promise<string> {
  const { otherTwinFolder } = await import("../../other-twin-folder.ts");
  const folder = dataFolder(options);
  return options.as === undefined ? folder : otherTwinFolder(folder, options.as);
}

async function reindex(options: SessionOptions): Promise<void> {
  const { forgetIndex } = await import("../../twin-vault.ts");
  await forgetIndex(dataFolder(options), await twinFolder(options));
  const { vault } = await withProgress("Reading the stores", () => withOwner(options, (owner) => owner.status()));
  answer(
    options,
    vault,
    () =>
      `The index is made again: ${vault.objectCount} objects in ${vault.segmentCount} segments. Now check every shard: twin scrub`,
  );
}

async function open(options: ShardOptions) {
  const { createLog } = await import("../../base/log.ts");
  const { openTwinShards } = await import("../../open-shards.ts");
  return await openTwinShards({
    folder: await twinFolder(options),
    phrase: options.phraseFile === undefined ? undefined : await readFile(options.phraseFile, "utf8"),
    locations: (options.store ?? []).map(storeLocation),
    log: createLog("warn"),
  });
}

async function list(options: ShardOptions): Promise<void> {
  const { objects } = await open(options);
  answer(options, objects, () =>
    objects.length === 0
      ? "These stores hold no whole object of this twin: name more of them."
      : table(objects.map(({ id, sizeBytes, type, name }) => [id, formatSize(sizeBytes), type, name])),
  );
}

async function cat(id: string, options: ShardOptions & { readonly out?: string | undefined }): Promise<void> {
  const library = await open(options);
  const source = Readable.from(library.read(id));
  if (options.out === undefined) return await pipeline(source, process.stdout, { end: false });
  await pipeline(source, createWriteStream(options.out, { flags: "wx", mode: 0o600 }));
  note(`${options.out} is written.`);
}
