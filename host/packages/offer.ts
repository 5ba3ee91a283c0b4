// Packages that a twin offers to the twins of others, and how one is taken from another twin by its hash:
// a capability spreads from twin to twin with no registry (docs/formats/peer-protocol.md, "Packages").

import { concatBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { isTwinId } from "../identity/twin-id.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { expectDependencies, NAME_RULE, VERSION_RULE } from "./manifest-file.ts";
import { PACKAGE_SIZE_MAX, readPackage } from "./package-file.ts";
import {
  expectFields,
  expectInteger,
  expectList,
  expectMatch,
  expectText,
  type Place,
  within,
} from "./strict-shape.ts";

/** One package, as the twin that offers it describes it. What it says of itself counts only when its bytes are here. JSON. */
export interface PackageOffer {
  /** Hex. */
  readonly hash: string;
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  /** did:key */
  readonly publisher: string;
  readonly sizeBytes: number;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The twin that offers, as it is asked over the network. It may answer anything. */
export interface PackageGiver {
  offers(): Promise<unknown>;
  packagePart(hash: string, offset: number): Promise<unknown>;
}

/** Hash of a package as text. */
export const HASH_RULE = { pattern: /^[0-9a-f]{64}$/u, form: "the hash of a package: 64 hex digits" } as const;

/** What `giver` offers. Throws `TWIN_PEER_PROTOCOL` for what is no list of offers. */
export async function askOffers(giver: PackageGiver): Promise<PackageOffer[]> {
  const place: Place = { path: "offers", code: "TWIN_PEER_PROTOCOL" };
  return expectList(await giver.offers(), place, { most: LIMITS.packages.offerCount, read: readOffer });
}

/**
 * The package of that hash, from `giver`. Throws what the giver answers, `TWIN_PACKAGE_*` when the bytes
 * are no whole package, and `TWIN_PEER_PROTOCOL` when they are another one, or do not come to an end.
 */
export async function takePackage(
  giver: PackageGiver,
  { hash, kernels }: { readonly hash: string; readonly kernels: Pick<Kernels, "hash"> },
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let [offset, sizeBytes] = [0, 1];
  while (offset < sizeBytes) {
    const part = readPart(await giver.packagePart(hash, offset));
    if (offset > 0 && part.sizeBytes !== sizeBytes) throw broken("changed its size while it was read");
    ({ sizeBytes } = part);
    offset += part.bytes.length;
    if (part.bytes.length === 0 || offset > sizeBytes) throw broken("came in parts that do not add up");
    parts.push(part.bytes);
  }
  const bytes = concatBytes(...parts);
  if (readPackage(bytes, kernels).hash !== hash) throw broken("is another one");
  return bytes;
}

function readOffer(value: unknown, place: Place): PackageOffer {
  const fields = expectFields(value, place, {
    required: ["hash", "name", "version", "title", "description", "publisher", "sizeBytes", "dependencies"],
  });
  const { code } = place;
  const publisher = fields["publisher"];
  if (typeof publisher !== "string" || !isTwinId(publisher)) {
    throw new TwinError(code, "The other twin offers a package without a publisher.");
  }
  return {
    hash: expectMatch(fields["hash"], within(place, "hash"), HASH_RULE),
    name: expectMatch(fields["name"], within(place, "name"), NAME_RULE),
    version: expectMatch(fields["version"], within(place, "version"), VERSION_RULE),
    title: expectText(fields["title"], within(place, "title"), 64),
    description: expectText(fields["description"], within(place, "description"), 1_000),
    publisher,
    sizeBytes: expectInteger(fields["sizeBytes"], within(place, "sizeBytes"), { least: 1, most: PACKAGE_SIZE_MAX }),
    dependencies: expectDependencies(fields["dependencies"], within(place, "dependencies")),
  };
}

function readPart(value: unknown): { readonly sizeBytes: number; readonly bytes: Uint8Array } {
  const { sizeBytes, bytes } = Object(value) as Partial<Record<"sizeBytes" | "bytes", unknown>>;
  const isSize =
    Number.isSafeInteger(sizeBytes) && (sizeBytes as number) > 0 && (sizeBytes as number) <= PACKAGE_SIZE_MAX;
  if (!isSize || !(bytes instanceof Uint8Array)) throw broken("came in parts that are none");
  return { sizeBytes: sizeBytes as number, bytes };
}

function broken(what: string): TwinError {
  return new TwinError(
    "TWIN_PEER_PROTOCOL",
    `The package that the other twin sent ${what}; nothing was taken from it.`,
  );
}
