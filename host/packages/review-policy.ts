// Whose reviews an owner relies on, and how many of them a package needs before it may be installed.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { isTwinId } from "../identity/twin-id.ts";
import type { CapabilityPackage } from "./manifest.ts";

/** The owner's choice. JSON. */
export interface ReviewPolicy {
  /** did:keys of the chosen reviewers, in the order in which they were chosen. */
  readonly reviewers: readonly string[];
  /** How many of them must have signed. 0: the publisher's signature alone will do. */
  readonly required: number;
}

/** What holds until the owner chooses otherwise. */
export const NO_REVIEWS: ReviewPolicy = { reviewers: [], required: 0 };

/** Throws `TWIN_INPUT_INVALID` for a choice that no package could fulfil, or that is none. */
export function checkPolicy({ reviewers, required }: ReviewPolicy): void {
  const wrong = reviewers.find((reviewer) => !isTwinId(reviewer));
  if (wrong !== undefined)
    throw refused(`a reviewer is a did:key such as "capability review" prints, not ${wrong.slice(0, 64)}`);
  if (new Set(reviewers).size !== reviewers.length) throw refused("each reviewer can be chosen once");
  if (reviewers.length > LIMITS.packages.reviewCount) {
    throw refused(`a package carries at most ${LIMITS.packages.reviewCount} reviews, so no more reviewers make sense`);
  }
  if (!Number.isSafeInteger(required) || required < 0 || required > reviewers.length) {
    throw refused(
      `of ${reviewers.length} reviewers, 0 to ${reviewers.length} reviews can be required, not ${required}`,
    );
  }
}

/** Throws `TWIN_PACKAGE_REVIEW` unless enough of the chosen reviewers have signed the package. */
export function checkReviews({ manifest, reviews }: CapabilityPackage, policy: ReviewPolicy): void {
  const given = reviews.filter(({ reviewer }) => policy.reviewers.includes(reviewer));
  if (given.length >= policy.required) return;
  const missing = policy.reviewers.filter((chosen) => !given.some(({ reviewer }) => reviewer === chosen));
  const message = `${manifest.name} ${manifest.version} has ${given.length} of the ${policy.required} reviews by your reviewers that you require. Ask one of them to sign it (twin capability review): ${missing.join(", ")}.`;
  throw new TwinError("TWIN_PACKAGE_REVIEW", message, { given: given.length, required: policy.required });
}

function refused(why: string): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `This cannot be what reviews are required by: ${why}.`);
}
