// `capability`: what the twin can do.

import type { Command } from "commander";

import { TwinError } from "../../base/errors.ts";
import type { UpgradeConsent } from "../../index.ts";
import { installedRow } from "../installed-row.ts";
import { type InstalledSources, installSources, withSource } from "../installing.ts";
import { answer, formatTime, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { describeChanges, describePermission } from "../wording.ts";
import { addAuthorCommands } from "./author-commands.ts";
import { addCallsCommand } from "./calls-command.ts";
import { addPackageCommands } from "./package-commands.ts";

const SOURCES = `
Sources:
  guestbook-1.0.0.wasm                          a file
  https://example.org/guestbook-1.0.0.wasm      a link
  oci://ghcr.io/ada/guestbook:1.0.0             an OCI registry, also by @sha256:DIGEST
  twin:Ada/guestbook                            the twin of a contact: the newest that it offers
  twin:Ada/guestbook@^1                         the newest in a range of versions
  twin:did:key:z6Mk.../HASH                     exactly this package
  'twin:*/HASH'                                 exactly this package, from any contact that offers it`;

/** Adds the commands to `program`. */
export function addCapabilityCommands(program: Command): void {
  const capability = program
    .command("capability")
    .description("begin, test, build, sign, inspect, install and remove capabilities");
  addAuthorCommands(capability);
  addCallsCommand(capability);
  capability
    .command("install <sources...>")
    .description("install packages from files, https links, OCI registries or other twins")
    .option("--hash <hash>", "install no other package than the one of this hash")
    .option("--beside", "next to another major version of it, as NAME@MAJOR")
    .addHelpText("after", SOURCES)
    .action((sources: string[], _: unknown, command: Command) => install(sources, command.optsWithGlobals()));
  capability
    .command("upgrade <source>")
    .description("put a version in the place of the one that is installed; says what changes")
    .option("--dry-run", "only say what would change, and try its migration on a fork of the data")
    .option("--accept <what...>", "say yes to: permissions (more rights), breaks (what others use of it)")
    .option("--without-new-rights", "take the version without the rights that are new in it")
    .option("--hash <hash>", "install no other package than the one of this hash")
    .addHelpText("after", "\nExample:\n  twin capability upgrade guestbook-2.0.0.wasm --dry-run\n")
    .action((source: string, _: unknown, command: Command) => upgrade(source, command.optsWithGlobals()));
  capability
    .command("rollback <name>")
    .description("back to the version before, code and data together")
    .option("--to <version>", "which one of those that `twin capability versions` shows (default: the last one)")
    .option("--accept <what...>", "say yes to: breaks (what others use of the version that is left)")
    .action((name: string, _: unknown, command: Command) => rollBack(name, command.optsWithGlobals()));
  capability
    .command("versions <name>")
    .description("the version that is installed, and those that a rollback can lead to")
    .action((name: string, _: unknown, command: Command) => versions(name, command.optsWithGlobals()));
  capability
    .command("restore <name>")
    .description("take a removal back, with data and grants")
    .action((name: string, _: unknown, command: Command) => restore(name, command.optsWithGlobals()));
  capability
    .command("list")
    .description("what is installed")
    .option("--removed", "what was removed and can be restored")
    .action((_, command: Command) => list(command.optsWithGlobals()));
  capability
    .command("remove <name>")
    .description("remove a capability; its data stays for 30 days")
    .action((name: string, _: unknown, command: Command) => remove(name, command.optsWithGlobals()));
  addPackageCommands(capability);
}

async function install(
  sources: readonly string[],
  options: SessionOptions & { readonly hash?: string; readonly beside?: boolean },
): Promise<void> {
  const installed = await installSources(sources, options);
  const [only, ...others] = installed.asked;
  answer(options, others.length === 0 ? only : installed.asked, () => describeInstalled(installed));
}

function describeInstalled({ asked, needed }: InstalledSources): string[] {
  return [...needed, ...asked].flatMap(({ name, version, hash, publisher, reviewers, permissions }) => [
    `${name} ${version} is installed (${hash.slice(0, 16)}, by ${publisher}).`,
    ...reviewers.map((reviewer) => `  reviewed by ${reviewer}`),
    ...permissions.map((request) => `  may ${describePermission(request)}: ${request.reason}`),
  ]);
}

async function upgrade(
  source: string,
  options: SessionOptions & {
    readonly dryRun?: boolean;
    readonly accept?: UpgradeConsent[];
    readonly withoutNewRights?: boolean;
    readonly hash?: string;
  },
): Promise<void> {
  const { dryRun, accept, withoutNewRights: withhold } = options;
  const report = await withSource(source, options, (owner, file) =>
    owner.upgradeCapability(file, { dryRun, accept, withhold }),
  );
  answer(options, report, () => [
    `${report.name} ${report.fromVersion ?? "(new)"} -> ${report.toVersion}${dryRun === true ? ", not installed" : ""}`,
    ...describeChanges(report).map((line) => `  ${line}`),
  ]);
}

async function rollBack(
  name: string,
  options: SessionOptions & { readonly to?: string; readonly accept?: UpgradeConsent[] },
): Promise<void> {
  const { to: version, accept } = options;
  const now = await withOwner(options, (owner) => owner.rollBackCapability(name, { version, accept }));
  answer(options, now, () => `${name} is ${now.version} again, with its data of then.`);
}

async function versions(name: string, options: SessionOptions): Promise<void> {
  const installed = await withOwner(options, (owner) => owner.capabilities());
  const found = installed.find((capability) => capability.name === name);
  if (found === undefined) {
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", `No capability ${name} is installed; see: twin capability list`);
  }
  const { version, keptVersions = [] } = found;
  answer(options, { version, keptVersions }, () =>
    table([
      [version, "installed"],
      // One that an earlier build kept does not say when it was left.
      ...keptVersions.map(({ version: kept, leftAtMs }) => [
        kept,
        leftAtMs === 0 ? "left" : `left ${formatTime(leftAtMs)}`,
      ]),
    ]),
  );
}

async function restore(name: string, options: SessionOptions): Promise<void> {
  const now = await withOwner(options, (owner) => owner.restoreCapability(name));
  answer(options, now, () => `${name} ${now.version} is back, with its data and grants.`);
}

async function list(options: SessionOptions & { readonly removed?: boolean }): Promise<void> {
  if (options.removed === true) return await listRemoved(options);
  const installed = await withOwner(options, (owner) => owner.capabilities());
  answer(options, installed, () => table(installed.map(installedRow)));
}

async function listRemoved(options: SessionOptions): Promise<void> {
  const removed = await withOwner(options, (owner) => owner.removedCapabilities());
  answer(options, removed, () =>
    table(removed.map(({ name, version, keptUntilMs }) => [name, version, `until ${formatTime(keptUntilMs)}`])),
  );
}

async function remove(name: string, options: SessionOptions): Promise<void> {
  await withOwner(options, (owner) => owner.removeCapability(name));
  answer(options, { removed: name }, () => `${name} is removed; its data stays for 30 days.`);
}
