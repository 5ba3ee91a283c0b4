// Where a package comes from: a file, an https link, an OCI registry, or another twin. What arrives is a
// stranger's whichever it is; who signed it and whether it fits is for the twin to judge.

import { readFile } from "node:fs/promises";

import { TwinError } from "./base/errors.ts";
import { registryLoginPath } from "./config.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { chooseOffers, newestOffer } from "./packages/choose-offers.ts";
import type { CapabilityPackage } from "./packages/manifest.ts";
import { readBounded } from "./packages/oci-client.ts";
import { isOciReference, parseOciReference } from "./packages/oci-reference.ts";
import { readRegistryLogin } from "./packages/oci-login.ts";
import { pullPackage } from "./packages/oci-registry.ts";
import { HASH_RULE } from "./packages/offer.ts";
import { PACKAGE_SIZE_MAX, packageFile, readPackage } from "./packages/package-file.ts";
import type { OwnerApi } from "./rpc/api.ts";

/** A package that is here now. */
export interface ObtainedPackage {
  /** Whether it is one of the sources; else another one depends on it. */
  readonly isAsked: boolean;
  readonly file: Uint8Array;
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}

/** The owner's part in it. */
type Asking = Pick<OwnerApi, "status" | "capabilities" | "offersOf" | "takePackage">;

const DOWNLOAD_MS = 60_000;
const TWIN = "twin:";

/** Whether the source is another twin, for which the host needs its network. */
export function isTwinSource(source: string): boolean {
  return source.startsWith(TWIN);
}

/**
 * The packages at `sources`, those that others depend on first. What a package of another twin depends on
 * and is neither installed nor among the sources is taken from that twin too. Throws
 * `TWIN_INPUT_INVALID`, `TWIN_REGISTRY_FAILED`, `TWIN_PEER_*` or `TWIN_PACKAGE_*`.
 */
export async function obtainPackages(sources: readonly string[], owner: Asking): Promise<ObtainedPackage[]> {
  const kernels = await openKernels();
  const asked: CapabilityPackage[] = [];
  for (const source of sources) asked.push(readPackage(await readSource(source, owner), kernels));
  const packages = [...asked];
  for (const source of sources.filter(isTwinSource)) {
    const { twin } = await locate(source, owner);
    const there = (await owner.capabilities()).map(({ name, version }) => ({ name: name.split("@")[0]!, version }));
    const needed = chooseOffers(
      packages.map(({ manifest }) => manifest),
      there,
      await owner.offersOf(twin),
    );
    for (const { hash } of needed) packages.push(readPackage(await owner.takePackage(twin, hash), kernels));
  }
  return inOrder(packages).map((pack) => {
    const { name, version } = pack.manifest;
    return { isAsked: asked.includes(pack), file: packageFile(pack), name, version, hash: pack.hash };
  });
}

/** The one package at `source`, which is another twin only where there is an owner to ask. Throws as {@link obtainPackages}. */
export async function obtainPackage(source: string, owner?: Asking): Promise<Uint8Array> {
  return await readSource(source, owner);
}

/** The twin that `who` means: an id, or the name of a contact. Throws `TWIN_PEER_UNKNOWN`. */
export async function findTwin(who: string, owner: Pick<OwnerApi, "status">): Promise<PackageTwin> {
  if (who.startsWith("did:")) return who as PackageTwin;
  const { peers } = await owner.status();
  const named = peers.filter(({ name }) => name.toLowerCase() === who.toLowerCase());
  if (named.length === 1) return named[0]!.twin;
  const why = named.length === 0 ? `No contact is called ${who}` : `${named.length} contacts are called ${who}`;
  throw new TwinError("TWIN_PEER_UNKNOWN", `${why}; give the id of the twin (did:key:...), as twin status shows it.`);
}

type PackageTwin = Parameters<OwnerApi["offersOf"]>[0];

async function readSource(source: string, owner: Asking | undefined): Promise<Uint8Array> {
  if (isTwinSource(source)) {
    if (owner === undefined) throw refused(source, "another twin cannot be asked here");
    return await takeFromTwin(source, owner);
  }
  if (isOciReference(source)) {
    const place = parseOciReference(source);
    return await pullPackage(place, await readRegistryLogin(registryLoginPath(), place.registry));
  }
  if (/^https?:/u.test(source)) return await download(source);
  return await readPackageFile(source);
}

/** `twin:WHO/WHAT`: WHAT is a hash, a name, or a name with a range of versions, `guestbook@^1`; WHO may be `*` for a hash. */
async function locate(source: string, owner: Asking): Promise<{ readonly twin: PackageTwin; readonly what: string }> {
  const cut = source.lastIndexOf("/");
  const [who, what] = [source.slice(TWIN.length, cut), source.slice(cut + 1)];
  if (cut < 0 || who === "" || what === "") {
    throw refused(source, "expected twin:WHO/HASH or twin:WHO/NAME, where WHO is a contact or the id of a twin");
  }
  const isAnyone = who === "*" && HASH_RULE.pattern.test(what);
  return { twin: isAnyone ? await findGiver(what, owner) : await findTwin(who, owner), what };
}

/** The first contact to say that it offers the package of that hash. */
async function findGiver(hash: string, owner: Asking): Promise<PackageTwin> {
  const { peers } = await owner.status();
  const asked = peers.map(async ({ twin }) => {
    if ((await owner.offersOf(twin)).some((offer) => offer.hash === hash)) return twin;
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", "It does not offer this package.");
  });
  try {
    return await Promise.any(asked);
  } catch {
    throw refused(`twin:*/${hash}`, "no contact that can be reached offers it to you");
  }
}

async function takeFromTwin(source: string, owner: Asking): Promise<Uint8Array> {
  const { twin, what } = await locate(source, owner);
  if (HASH_RULE.pattern.test(what)) return await owner.takePackage(twin, what);
  const [name, range = "*"] = what.split("@") as [string, string?];
  const offers = await owner.offersOf(twin);
  const found = newestOffer(offers, name, [range]);
  if (found !== undefined) return await owner.takePackage(twin, found.hash);
  const there = offers.map((offer) => `${offer.name} ${offer.version}`).join(", ");
  throw refused(source, `that twin offers ${there === "" ? "nothing to you" : `only ${there}`}`);
}

/** Those that others of them depend on first; in a circle, which no twin installs, as they came. */
function inOrder(packages: readonly CapabilityPackage[]): CapabilityPackage[] {
  const rest = [...packages];
  const ordered: CapabilityPackage[] = [];
  while (rest.length > 0) {
    const isFree = ({ manifest }: CapabilityPackage): boolean =>
      !rest.some((other) => Object.hasOwn(manifest.dependencies ?? {}, other.manifest.name));
    const index = Math.max(0, rest.findIndex(isFree));
    ordered.push(...rest.splice(index, 1));
  }
  return ordered;
}

async function download(source: string): Promise<Uint8Array> {
  const url = new URL(source);
  const isLocal = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  if (url.protocol !== "https:" && !isLocal) throw refused(source, "only https links are followed");
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS), redirect: "error" }).catch(
    (cause: unknown) => {
      throw refused(source, `it cannot be reached (${reasonOf(cause)})`);
    },
  );
  if (!response.ok) throw refused(source, `it answered ${response.status}`);
  const file = await readBounded(response, PACKAGE_SIZE_MAX);
  if (file === undefined) throw refused(source, "it is larger than any package");
  return file;
}

/** What `fetch` says of a failure stands in the cause of its error. */
function reasonOf(thrown: unknown): string {
  const error = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The file at `path`. Throws `TWIN_INPUT_INVALID` for a folder: beginners name that of the source. */
async function readPackageFile(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EISDIR") throw thrown;
    throw refused(path, `it is a folder; build it, then install the package: twin capability build ${path}`);
  }
}

function refused(source: string, why: string): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `Nothing was installed from ${source}: ${why}.`);
}
