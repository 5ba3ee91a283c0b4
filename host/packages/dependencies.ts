// Who needs whom: which installed capability serves which name, and what a dependency lacks, in words.

import { TwinError } from "../base/errors.ts";
import type { Manifest } from "./manifest.ts";
import { compareVersions, isInRange, majorVersion } from "./version.ts";

/** An installed capability, under the name that it is called by: its manifest's, or `name@MAJOR`. */
export interface Installed {
  readonly name: string;
  readonly manifest: Pick<Manifest, "name" | "version" | "permissions" | "dependencies">;
}

/** One that cannot do without another. */
export interface Dependent {
  /** The name that it is called by. */
  readonly user: string;
  /** What it needs, as `contacts ^1.2.0`. */
  readonly needs: string;
}

const BESIDE = /^(.+)@(\d{1,9})$/u;

/** The name of a capability that stands beside another major version of itself. */
export function nameBeside({ name, version }: Pick<Manifest, "name" | "version">): string {
  return `${name}@${majorVersion(version)}`;
}

/**
 * The capability that `address` means: the one of that name; for `name@MAJOR` also the one called
 * `name`, when that is its major version.
 */
export function findByAddress<Kind extends Installed>(installed: readonly Kind[], address: string): Kind | undefined {
  const exact = installed.find(({ name }) => name === address);
  if (exact !== undefined) return exact;
  const [, base, major] = BESIDE.exec(address) ?? [];
  return installed.find(({ name, manifest }) => name === base && majorVersion(manifest.version) === Number(major));
}

/**
 * Who answers when `user` calls `called`. Of what it depends on, a version in its range: the one of
 * exactly that name before one beside it, and the newest of those. Else what the address means.
 */
export function providerOf<Kind extends Installed>(
  installed: readonly Kind[],
  user: Pick<Manifest, "dependencies">,
  called: string,
): Kind | undefined {
  const range = rangeOf(user, called);
  if (range === undefined) return findByAddress(installed, called);
  return installed
    .filter(({ manifest }) => manifest.name === called && isInRange(manifest.version, range))
    .toSorted((left, right) => {
      if ((left.name === called) !== (right.name === called)) return left.name === called ? -1 : 1;
      return compareVersions(right.manifest.version, left.manifest.version);
    })[0];
}

/**
 * Throws `TWIN_PACKAGE_DEPENDENCY` unless each dependency of `manifest` is met by what is installed. It
 * says what is needed and what there is.
 */
export function checkDependencies(manifest: Manifest, installed: readonly Installed[]): void {
  const unmet = Object.entries(manifest.dependencies ?? {}).filter(
    ([name]) => providerOf(installed, manifest, name) === undefined,
  );
  if (unmet.length === 0) return;
  const needs = unmet.map(([name, range]) => {
    const there = installed.filter((other) => other.manifest.name === name).map((other) => other.manifest.version);
    return `${name} ${range}, of which ${there.length === 0 ? "nothing" : there.join(" and ")} is installed`;
  });
  const [name] = unmet[0]!;
  const message = `${manifest.name} ${manifest.version} needs ${needs.join("; and ")}. Install a version of ${name} that will do, then try again; with --beside it can stand next to another major version.`;
  throw new TwinError("TWIN_PACKAGE_DEPENDENCY", message, {
    missing: unmet.map(([needed, range]) => `${needed}@${range}`).join(", "),
  });
}

/**
 * Whose dependencies are met now and would not be any more: `before` and `after` are what is installed.
 * In the order of `before`.
 */
export function brokenDependents(before: readonly Installed[], after: readonly Installed[]): Dependent[] {
  return before
    .filter(({ name }) => after.some((other) => other.name === name))
    .flatMap(({ name: user, manifest }) =>
      Object.entries(manifest.dependencies ?? {})
        .filter(([called]) => providerOf(before, manifest, called) !== undefined)
        .filter(([called]) => providerOf(after, manifest, called) === undefined)
        .map(([called, range]) => ({ user, needs: `${called} ${range}` })),
    );
}

function rangeOf({ dependencies = {} }: Pick<Manifest, "dependencies">, name: string): string | undefined {
  return Object.hasOwn(dependencies, name) ? dependencies[name] : undefined;
}
