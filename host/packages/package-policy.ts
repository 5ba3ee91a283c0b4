// What an owner asks of a package before it may be installed: reviews by people of their choice, and a
// publisher whom they do not refuse.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { isTwinId } from "../identity/twin-id.ts";
import type { CapabilityPackage } from "./manifest.ts";

/** The owner's choice. JSON. */
export interface PackagePolicy {
  /** did:keys of the chosen reviewers, in the order in which they were chosen. */
  readonly reviewers: readonly string[];
  /** How many of them must have signed. 0: the publisher's signature alone will do. */
  readonly required: number;
  /** did:keys of publishers of whom nothing is installed: of a key that was stolen, say. What is installed stays. */
  readonly refused: readonly string[];
}

/** What holds until the owner chooses otherwise. */
export const ANY_PACKAGE: PackagePolicy = { reviewers: [], required: 0, refused: [] };

/** Throws `TWIN_INPUT_INVALID` for a choice that no package could fulfil, or that is none. */
export function checkPolicy({ reviewers, required, refused }: PackagePolicy): void {
  const wrong = [...reviewers, ...refused].find((key) => !isTwinId(key));
  if (wrong !== undefined) {
    throw invalid(
      `reviewers and publishers are did:keys, as "twin capability inspect" shows them, not ${wrong.slice(0, 64)}`,
    );
  }
  if (new Set(reviewers).size !== reviewers.length) throw invalid("each reviewer can be chosen once");
  if (new Set(refused).size !== refused.length) throw invalid("each publisher can be refused once");
  if (reviewers.length > LIMITS.packages.reviewCount) {
    throw invalid(`a package carries at most ${LIMITS.packages.reviewCount} reviews, so no more reviewers make sense`);
  }
  if (refused.length > LIMITS.packages.refusedPublisherCount) {
    throw invalid(`at most ${LIMITS.packages.refusedPublisherCount} publishers can be refused, not ${refused.length}`);
  }
  if (!Number.isSafeInteger(required) || required < 0 || required > reviewers.length) {
    throw invalid(
      `${required} reviews cannot come from ${reviewers.length} chosen reviewers; choose reviewers first (twin reviewers add)`,
    );
  }
}

/** Throws `TWIN_PACKAGE_REFUSED` and `TWIN_PACKAGE_REVIEW` for a package that the policy does not let in. */
export function checkPackage({ manifest, publisher, reviews }: CapabilityPackage, policy: PackagePolicy): void {
  checkPublisher({ name: manifest.name, publisher }, policy);
  const given = reviews.filter(({ reviewer }) => policy.reviewers.includes(reviewer));
  if (given.length >= policy.required) return;
  const missing = policy.reviewers.filter((chosen) => !given.some(({ reviewer }) => reviewer === chosen));
  const message = `${manifest.name} ${manifest.version} has ${given.length} of the ${policy.required} reviews by your reviewers that you require. Ask one of them to sign it (twin capability review): ${missing.join(", ")}.`;
  throw new TwinError("TWIN_PACKAGE_REVIEW", message, { given: given.length, required: policy.required });
}

/** Throws `TWIN_PACKAGE_REFUSED` when the owner refuses the publisher of `name`. */
export function checkPublisher(
  { name, publisher }: { readonly name: string; readonly publisher: string },
  { refused }: PackagePolicy,
): void {
  if (!refused.includes(publisher)) return;
  const message = `${name} is signed by a publisher whom you refuse, ${publisher}. To take packages of that key again: twin publishers allow ${publisher}`;
  throw new TwinError("TWIN_PACKAGE_REFUSED", message, { name, publisher });
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `This cannot be asked of packages: ${why}.`);
}
