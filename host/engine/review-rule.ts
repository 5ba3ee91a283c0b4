// The owner's choice of reviewers, kept in the twin: every installation is held to it.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { checkPolicy, NO_REVIEWS, type ReviewPolicy } from "../packages/review-policy.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";

const PLACE = { namespace: "$reviewers", key: utf8Encode("policy") } as const;

/** The choice that holds. */
export function readReviewPolicy(store: Pick<StateStore, "get">): ReviewPolicy {
  const row = store.get(PLACE);
  return row === undefined ? NO_REVIEWS : (jsonDecode(row) as ReviewPolicy);
}

/** The write that makes `policy` hold. Throws `TWIN_INPUT_INVALID` for one that no package could fulfil. */
export function keepReviewPolicy({ reviewers, required }: ReviewPolicy): StateWrite {
  checkPolicy({ reviewers, required });
  return { ...PLACE, value: jsonEncode({ reviewers, required }) };
}
