// What the owner asks of packages, kept in the twin: every installation is held to it.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { ANY_PACKAGE, checkPolicy, type PackagePolicy } from "../packages/package-policy.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";

const PLACE = { namespace: "$reviewers", key: utf8Encode("policy") } as const;

/** The choice that holds. */
export function readPackagePolicy(store: Pick<StateStore, "get">): PackagePolicy {
  const row = store.get(PLACE);
  // One that was made before publishers could be refused says nothing of them.
  return row === undefined ? ANY_PACKAGE : { ...ANY_PACKAGE, ...(jsonDecode(row) as Partial<PackagePolicy>) };
}

/** The write that makes `policy` hold. Throws `TWIN_INPUT_INVALID` for one that no package could fulfil. */
export function keepPackagePolicy({ reviewers, required, refused }: PackagePolicy): StateWrite {
  checkPolicy({ reviewers, required, refused });
  return { ...PLACE, value: jsonEncode({ reviewers, required, refused }) };
}
