// `capability publish`, `unpublish`, `offers`, `lock` and `review`: how packages go from one to another.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { Command } from "commander";

import { TwinError } from "../../base/errors.ts";
import { publisherKeyPath } from "../../config.ts";
import type { InstalledCapability, OwnerApi, OwnOffer, PackageOffer } from "../../index.ts";
import { answer, formatSize, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

/** Adds the commands to `capability`. */
export function addPackageCommands(capability: Command): void {
  capability
    .command("publish <package> [registry]")
    .description(
      "offer a package (a file, or an installed capability by name) to your contacts, or put it into a registry",
    )
    .option("--to <circles...>", "the circles whose twins may take it", ["contacts"])
    .addHelpText(
      "after",
      "\nExamples:\n  twin capability publish guestbook-1.0.0.wasm\n  twin capability publish guestbook-1.0.0.wasm oci://ghcr.io/ada/guestbook",
    )
    .action((file: string, registry: string | undefined, _: unknown, command: Command) =>
      publish(file, registry, command.optsWithGlobals()),
    );
  capability
    .command("unpublish <package>")
    .description("no longer offer a package: its name, NAME@VERSION or hash")
    .action((what: string, _: unknown, command: Command) => unpublish(what, command.optsWithGlobals()));
  capability
    .command("offers [who]")
    .description("the packages that you offer, or that the twin of a contact offers to you")
    .action((who: string | undefined, _: unknown, command: Command) => offers(who, command.optsWithGlobals()));
  capability
    .command("lock")
    .description("the exact packages of this twin, by hash")
    .option("--out <file>", "write them there")
    .option("--check <file>", "compare them with such a file; fails when something differs")
    .action((_, command: Command) => lock(command.optsWithGlobals()));
  capability
    .command("review <file>")
    .description("sign a package as its reviewer: add your signature to it")
    .option("--key <file>", "your key, created if absent (default: publisher.key in the XDG config directory)")
    .action((file: string, _: unknown, command: Command) => review(file, command.optsWithGlobals()));
}

async function publish(
  source: string,
  registry: string | undefined,
  options: SessionOptions & { readonly to: readonly string[] },
): Promise<void> {
  if (registry === undefined) {
    const offer = await withOwner(options, async (owner) =>
      owner.offerPackage(await readPackage(source, owner), options.to),
    );
    answer(options, offer, () => [
      `${offer.name} ${offer.version} is offered to ${offer.circles.join(", ")}. Their owners take it with one of`,
      `  twin capability install twin:YOUR-NAME/${offer.name}`,
      `  twin capability install twin:YOUR-NAME/${offer.hash}`,
    ]);
    return;
  }
  const { publishToRegistry } = await import("../../publishing.ts");
  const file = existsSync(source)
    ? new Uint8Array(await readFile(source))
    : await withOwner(options, (owner) => owner.capabilityFile(source));
  const pushed = await publishToRegistry(file, registry);
  answer(options, pushed, () => [`oci://${pushed.reference} (${pushed.digest})`]);
}

async function readPackage(source: string, owner: OwnerApi): Promise<Uint8Array> {
  return existsSync(source) ? new Uint8Array(await readFile(source)) : await owner.capabilityFile(source);
}

async function unpublish(what: string, options: SessionOptions): Promise<void> {
  const gone = await withOwner(options, async (owner) => {
    const named = (await owner.offers()).filter(({ hash, name, version }) =>
      [hash, name, `${name}@${version}`].includes(what),
    );
    if (named.length === 0) {
      throw new TwinError("TWIN_PACKAGE_UNKNOWN", "No such package is offered; see: twin capability offers");
    }
    for (const { hash } of named) await owner.withdrawOffer(hash);
    return named;
  });
  answer(options, gone, () => gone.map(({ name, version }) => `${name} ${version} is no longer offered.`));
}

async function offers(who: string | undefined, options: SessionOptions): Promise<void> {
  const listed = await withOwner(
    options,
    async (owner): Promise<readonly (PackageOffer | OwnOffer)[]> => {
      if (who === undefined) return await owner.offers();
      const { findTwin } = await import("../../package-source.ts");
      return await owner.offersOf(await findTwin(who, owner));
    },
    { peers: who !== undefined },
  );
  answer(options, listed, () => table(listed.map(offerRow)));
}

function offerRow(offer: PackageOffer | OwnOffer): string[] {
  const last = "circles" in offer ? `for ${offer.circles.join(", ")}` : offer.description;
  return [offer.name, offer.version, formatSize(offer.sizeBytes), offer.hash, last];
}

type Lock = Readonly<Record<string, Pick<InstalledCapability, "version" | "hash" | "publisher" | "dependencies">>>;

async function lock(options: SessionOptions & { readonly out?: string; readonly check?: string }): Promise<void> {
  const installed = await withOwner(options, (owner) => owner.capabilities());
  const now: Lock = Object.fromEntries(
    installed.map(({ name, version, hash, publisher, dependencies }) => [
      name,
      { version, hash, publisher, dependencies },
    ]),
  );
  if (options.check !== undefined) checkLock(now, await readLock(options.check));
  if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(now, null, 2)}\n`);
  answer(options, now, () =>
    table(Object.entries(now).map(([name, { version, hash, publisher }]) => [name, version, hash, publisher])),
  );
}

async function readLock(path: string): Promise<Lock> {
  const text = await readFile(path, "utf8");
  const lock = await Promise.try(() => JSON.parse(text) as unknown).catch(() => undefined);
  if (typeof lock === "object" && lock !== null) return lock as Lock;
  throw new TwinError("TWIN_INPUT_INVALID", `${path} is no lock file: write one with twin capability lock --out FILE`);
}

function checkLock(now: Lock, wanted: Lock): void {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(now)])];
  const others = names.filter((name) => now[name]?.hash !== wanted[name]?.hash);
  if (others.length === 0) return;
  const differences = others.map((name) => {
    const [have, want] = [now[name], wanted[name]].map((entry) => (entry === undefined ? "nothing" : entry.version));
    return `${name}: expected ${want}, got ${have}`;
  });
  const message = `This twin has other packages than the file says. ${differences.join("; ")}.`;
  throw new TwinError("TWIN_PACKAGE_CONFLICT", message, { names: others.join(", ") });
}

async function review(
  file: string,
  options: { readonly json?: boolean | undefined; readonly key?: string | undefined },
): Promise<void> {
  const { reviewPackageFile } = await import("../../publishing.ts");
  const { reviewer, hash } = await reviewPackageFile(resolve(file), publisherKeyPath(options.key));
  answer(options, { reviewer, hash }, () => `${file} (${hash.slice(0, 16)}) is reviewed by ${reviewer}.`);
}
