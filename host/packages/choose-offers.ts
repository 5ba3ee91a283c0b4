// Which of the packages on offer to take along with what was asked for: what that depends on, what these
// depend on in turn, each in the newest version that will do for all of them.

import type { Manifest } from "./manifest.ts";
import type { PackageOffer } from "./offer.ts";
import { compareVersions, isInRange } from "./version.ts";

/** A capability and its version: one that is installed, or about to be. */
interface Present {
  readonly name: string;
  readonly version: string;
}

/** A change of choice may change what is needed; a circle of such changes ends here. */
const ROUNDS_MAX = 20;

/** The newest offer of that name in all of the ranges. */
export function newestOffer(
  offers: readonly PackageOffer[],
  name: string,
  ranges: readonly string[],
): PackageOffer | undefined {
  return offers
    .filter((offer) => offer.name === name && ranges.every((range) => isInRange(offer.version, range)))
    .toSorted((left, right) => compareVersions(right.version, left.version))[0];
}

/**
 * The offers to take along with `asked`, one for each name. What nothing on offer will do for is left
 * out, for the twin to explain; where no version will do for all, the first who needs it has its way.
 */
export function chooseOffers(
  asked: readonly Pick<Manifest, "name" | "version" | "dependencies">[],
  installed: readonly Present[],
  offers: readonly PackageOffer[],
): PackageOffer[] {
  const isPresent = (name: string, range: string): boolean =>
    [...asked, ...installed].some((other) => other.name === name && isInRange(other.version, range));
  let chosen: readonly PackageOffer[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const needed = new Map<string, string[]>();
    for (const { dependencies = {} } of [...asked, ...chosen]) {
      for (const [name, range] of Object.entries(dependencies)) {
        if (!isPresent(name, range)) needed.getOrInsertComputed(name, () => []).push(range);
      }
    }
    const next = [...needed].flatMap(
      ([name, ranges]) => newestOffer(offers, name, ranges) ?? newestOffer(offers, name, ranges.slice(0, 1)) ?? [],
    );
    const isSame = next.length === chosen.length && next.every((offer) => chosen.includes(offer));
    chosen = next;
    if (isSame) break;
  }
  return [...chosen];
}
