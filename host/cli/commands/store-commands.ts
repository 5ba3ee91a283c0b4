// `store add|list|quota|drain|keep|remove`: the places that hold the twin's data. `lend`: room for the data of others.

import { readFile } from "node:fs/promises";

import type { Command } from "commander";

import type { StoreListing } from "../../index.ts";
import { TwinError } from "../../base/errors.ts";
import { parseSize } from "../../size-text.ts";
import { answer, formatSize, plural, table, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { storeLocation } from "../store-location.ts";

/** Adds the commands to `program`. */
export function addStoreCommands(program: Command): void {
  program
    .command("lend [twin] [size]")
    .description("lend a contact room for its shards on this machine; without a contact: what is lent")
    .addHelpText(
      "after",
      "\nExample:\n  twin lend Ben 10GB     # Ben then runs: twin store add ada twin:YOUR-TWIN-ID\n",
    )
    .action((who: string | undefined, size: string | undefined, _: unknown, command: Command) =>
      lend(who, size, command.optsWithGlobals()),
    );
  const store = program
    .command("store")
    .description("the places that hold your data: directories, S3 buckets, Redis, 0-db, contacts");
  store
    .command("list")
    .description("every store, what it holds, and how it is")
    .action((_, command: Command) => list(command.optsWithGlobals()));
  store
    .command("add <name> [location]")
    .description("take in another store; new data uses it from now on")
    .option("--location-file <file>", "read the location, with its secret, from a file")
    .option("--capacity <size>", "how much it may hold (default: as much as there is room for)")
    .option("--domain <domain>", "what fails together with it (default: its disk or service)")
    .addHelpText(
      "after",
      `
Locations:
  /mnt/usb/twin                                   a directory
  s3://KEY:SECRET@s3.example.com/bucket/folder    a bucket of any S3 (?region=...; s3+http:// without TLS)
  redis://:PASSWORD@host:6379/0                   Redis (rediss:// with TLS), set to appendfsync always
  zdb://:PASSWORD@host:9900/namespace             a 0-db in user key mode
  twin:did:key:z6Mk…                              a contact, whose owner has run: twin lend YOU 10GB

Examples:
  twin store add usb /mnt/usb/twin
  twin store add cloud --location-file cloud.txt   # the secret stays out of the shell's history`,
    )
    .action((name: string, location: string | undefined, _: unknown, command: Command) =>
      add(name, location, command.optsWithGlobals()),
    );
  store
    .command("quota <size>")
    .description("how much all of your objects together may have, such as 100GB; none: no bound")
    .action((size: string, _: unknown, command: Command) => quota(size, command.optsWithGlobals()));
  store
    .command("drain <name>")
    .description("move all that a store holds to the others; it takes nothing new")
    .action((name: string, _: unknown, command: Command) => drain(name, command.optsWithGlobals()));
  store
    .command("keep <name>")
    .description("end a drain, or begin anew with a folder whose disk is gone for good: the store takes shards again")
    .action((name: string, _: unknown, command: Command) => keep(name, command.optsWithGlobals()));
  store
    .command("remove <name>")
    .description("forget an empty store")
    .option("--lost", "it is gone for good, with what it held: scrub then")
    .action((name: string, _: unknown, command: Command) => remove(name, command.optsWithGlobals()));
}

async function lend(who: string | undefined, size: string | undefined, options: SessionOptions): Promise<void> {
  if (who === undefined) {
    const [rooms, { peers }] = await withOwner(
      options,
      async (owner) => [await owner.lent(), await owner.status()] as const,
    );
    answer(options, rooms, () =>
      rooms.length === 0
        ? "Nothing is lent."
        : table(
            rooms.map(({ twin, quotaBytes, usedBytes }) => [
              peers.find((peer) => peer.twin === twin)?.name ?? "",
              `${formatSize(usedBytes)} of ${formatSize(quotaBytes)}`,
              twin,
            ]),
          ),
    );
    return;
  }
  if (size === undefined) {
    throw new TwinError("TWIN_INPUT_INVALID", `How much room for ${who}? For example: twin lend ${who} 10GB`);
  }
  const quotaBytes = parseSize(size);
  const { findTwin } = await import("../../package-source.ts");
  const twin = await withOwner(options, async (owner) => {
    const found = await findTwin(who, owner);
    await owner.lend(found, quotaBytes);
    return found;
  });
  answer(options, { twin, quotaBytes }, () => `${who} may keep ${formatSize(quotaBytes)} of sealed shards here.`);
}

async function quota(size: string, options: SessionOptions): Promise<void> {
  const quotaBytes = size === "none" ? null : parseSize(size);
  await withOwner(options, (owner) => owner.setQuota(quotaBytes));
  answer(options, { quotaBytes }, () =>
    quotaBytes === null ? "The vault has no bound." : `The vault takes ${formatSize(quotaBytes)} of objects at most.`,
  );
}

async function list(options: SessionOptions): Promise<void> {
  const stores = await withOwner(options, (owner) => owner.stores(), { peers: true });
  answer(options, stores, () => table(stores.map(describeStore)));
}

function describeStore(store: StoreListing): string[] {
  const { name, shardCount, usedBytes, capacityBytes, draining, problem, domain, location } = store;
  return [
    name,
    plural(shardCount, "shard"),
    capacityBytes === undefined ? formatSize(usedBytes) : `${formatSize(usedBytes)} of ${formatSize(capacityBytes)}`,
    problem ?? (draining ? "draining" : "ok"),
    domain,
    location,
  ];
}

async function add(
  name: string,
  given: string | undefined,
  options: SessionOptions & { readonly locationFile?: string; readonly domain?: string; readonly capacity?: string },
): Promise<void> {
  const text = options.locationFile === undefined ? given : (await readFile(options.locationFile, "utf8")).trim();
  if (text === undefined || text === "") {
    throw new TwinError("TWIN_INPUT_INVALID", `Where is ${name}? Name a place: twin store add --help shows them.`);
  }
  const location = storeLocation(text);
  const capacityBytes = options.capacity === undefined ? undefined : parseSize(options.capacity);
  const { domain } = options;
  await withOwner(options, (owner) => owner.addStore({ name, location, domain, capacityBytes }), { peers: true });
  answer(options, { name }, () => `${name} is a store of yours now. Data that is there already stays where it is.`);
}

async function drain(name: string, options: SessionOptions): Promise<void> {
  const report = await withProgress(`Emptying ${name}`, (onProgress) =>
    withOwner(options, (owner) => owner.drainStore(name, onProgress), { peers: true }),
  );
  answer(options, report, () =>
    report.left === 0
      ? `${plural(report.moved, "shard")} moved; ${name} is empty: twin store remove ${name}`
      : `${plural(report.moved, "shard")} moved, ${report.left} found no place: add a store or bring one back, then drain again.`,
  );
}

async function keep(name: string, options: SessionOptions): Promise<void> {
  await withOwner(options, (owner) => owner.keepStore(name), { peers: true });
  answer(options, { name }, () => `${name} takes shards again.`);
}

async function remove(name: string, options: SessionOptions & { readonly lost?: boolean }): Promise<void> {
  await withOwner(options, (owner) => owner.removeStore(name, { lost: options.lost }), { peers: true });
  answer(options, { name }, () =>
    options.lost === true ? `${name} is forgotten. Now make its shards again: twin scrub` : `${name} is forgotten.`,
  );
}
