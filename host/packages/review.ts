// Reviews of a package: signatures of people who looked into it, behind the publisher's own. They are
// no part of what is hashed, so that they can be added and left out without another package coming of it
// (docs/formats/package.md, "Reviews").

import { concatBytes, equalBytes, hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE, verifySignature } from "../identity/signature.ts";
import { publicKeyOf, twinIdOf } from "../identity/twin-id.ts";
import { customSection, type WasmSection } from "./wasm-sections.ts";

/** Custom section of one review. */
export const REVIEW_SECTION = "twin.review";
const DOMAIN = "package-review/1";
const VERSION = 1;
const KEY_SIZE = 32;
const CONTENT_SIZE = 1 + KEY_SIZE + SIGNATURE_SIZE;

/** Whoever reviews packages. */
export type Reviewer = Pick<Identity, "id" | "sign">;

/** One reviewer's signature over the hash of a package. JSON. */
export interface Review {
  /** did:key of the reviewer. */
  readonly reviewer: string;
  /** Hex. */
  readonly signature: string;
}

/** Bytes of all reviews that a package may carry. */
export const REVIEWS_SIZE_MAX: number =
  LIMITS.packages.reviewCount * customSection(REVIEW_SECTION, new Uint8Array(CONTENT_SIZE)).length;

/** The review of the package with this hash (hex) by `reviewer`. Deterministic. */
export function signReview(hash: string, reviewer: Reviewer): Review {
  return { reviewer: reviewer.id, signature: hexEncode(reviewer.sign(DOMAIN, Uint8Array.fromHex(hash))) };
}

/** The sections of these reviews, in the one order that is valid: by public key, each reviewer once (the last counts). */
export function encodeReviews(reviews: readonly Review[]): Uint8Array<ArrayBuffer> {
  const byKey = new Map(reviews.map((review) => [hexEncode(publicKeyOf(review.reviewer)), review]));
  const contents = [...byKey]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, { signature }]) =>
      concatBytes(Uint8Array.of(VERSION), Uint8Array.fromHex(key), Uint8Array.fromHex(signature)),
    );
  return concatBytes(...contents.map((content) => customSection(REVIEW_SECTION, content)));
}

/**
 * The reviews in the sections behind the package with this hash (hex); `bytes` are those of the sections.
 * Throws `TWIN_PACKAGE_INVALID` for any other section, order or encoding than {@link encodeReviews} gives,
 * and `TWIN_PACKAGE_SIGNATURE` when a review is of another package.
 */
export function decodeReviews(bytes: Uint8Array, sections: readonly WasmSection[], hash: string): Review[] {
  if (sections.length > LIMITS.packages.reviewCount) {
    throw invalid(`it has ${sections.length} reviews where ${LIMITS.packages.reviewCount} are allowed`);
  }
  const reviews = sections.map(({ name, content }) => {
    if (name !== REVIEW_SECTION) throw invalid("something other than reviews follows its signature");
    if (content.length !== CONTENT_SIZE || content[0] !== VERSION) {
      throw invalid(`a review in it has not the form of version ${VERSION}`);
    }
    const reviewer = twinIdOf(content.subarray(1, 1 + KEY_SIZE));
    return { reviewer, signature: hexEncode(content.subarray(1 + KEY_SIZE)) };
  });
  if (!equalBytes(bytes, encodeReviews(reviews))) {
    throw invalid("its reviews are not in the order of their keys, each once and in the shortest form");
  }
  for (const { reviewer, signature } of reviews) {
    if (verifySignature(reviewer, DOMAIN, Uint8Array.fromHex(hash), Uint8Array.fromHex(signature))) continue;
    const message = "A review of this package does not hold: it was changed, or is of another package. Get it again.";
    throw new TwinError("TWIN_PACKAGE_SIGNATURE", message, { reviewer });
  }
  return reviews;
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `This is not a capability package: ${why}.`);
}
