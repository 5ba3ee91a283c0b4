// From the sources that a user writes to packages in the twin.

import { TwinError } from "../base/errors.ts";
import type { ControlApi, InstalledCapability } from "../index.ts";
import type { ObtainedPackage } from "../package-source.ts";
import { type SessionOptions, withOwner } from "./owner-session.ts";

/** What an installation has brought. */
export interface InstalledSources {
  readonly asked: readonly InstalledCapability[];
  /** What these depend on, and came along. */
  readonly needed: readonly InstalledCapability[];
}

interface SourceOptions extends SessionOptions {
  /** The only hash that will do. */
  readonly hash?: string | undefined;
}

/** Installs the packages at `sources`, with what they depend on where that can be had from the same twin. */
export async function installSources(
  sources: readonly string[],
  options: SourceOptions & { readonly beside?: boolean | undefined },
): Promise<InstalledSources> {
  const { isTwinSource, obtainPackages } = await import("../package-source.ts");
  const work = async (owner: ControlApi): Promise<InstalledSources> => {
    const packages = await obtainPackages(sources, owner);
    checkHash(packages, options.hash);
    const installed: { readonly isAsked: boolean; readonly capability: InstalledCapability }[] = [];
    for (const pack of packages) {
      installed.push({ isAsked: pack.isAsked, capability: await install(owner, pack, options.beside === true) });
    }
    const those = (asked: boolean): InstalledCapability[] =>
      installed.filter(({ isAsked }) => isAsked === asked).map(({ capability }) => capability);
    return { asked: those(true), needed: those(false) };
  };
  return await withOwner(options, work, { peers: sources.some(isTwinSource) });
}

/** Does `work` with the package at `source`; what it depends on is installed before, as {@link installSources} does. */
export async function withSource<Result>(
  source: string,
  options: SourceOptions & { readonly dryRun?: boolean | undefined },
  work: (owner: ControlApi, file: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const { isTwinSource, obtainPackages } = await import("../package-source.ts");
  const whole = async (owner: ControlApi): Promise<Result> => {
    const packages = await obtainPackages([source], owner);
    checkHash(packages, options.hash);
    for (const pack of packages) {
      if (!pack.isAsked && options.dryRun !== true) await owner.installCapability(pack.file);
    }
    return await work(owner, packages.find(({ isAsked }) => isAsked)!.file);
  };
  return await withOwner(options, whole, { peers: isTwinSource(source) });
}

async function install(owner: ControlApi, pack: ObtainedPackage, beside: boolean): Promise<InstalledCapability> {
  if (!beside || !pack.isAsked) return await owner.installCapability(pack.file);
  const { name } = await owner.upgradeCapability(pack.file, { beside });
  return (await owner.capabilities()).find((capability) => capability.name === name)!;
}

function checkHash(packages: readonly ObtainedPackage[], wanted: string | undefined): void {
  const other = packages.find(({ isAsked, hash }) => isAsked && wanted !== undefined && hash !== wanted);
  if (other === undefined) return;
  const message = `This is another package: expected the hash ${wanted!.slice(0, 64)}, got ${other.hash}. Nothing was installed.`;
  throw new TwinError("TWIN_PACKAGE_CONFLICT", message, { name: other.name, version: other.version });
}
