// Whether a block of the vault needs no second copy.

import { standingStores } from "./census.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Answers for a block by its id whether its segment stands as a fresh one would, through the stores for which `answering` holds. */
export function createStanding(
  { index, shardsNeeded }: Pick<VaultParts, "index" | "shardsNeeded">,
  answering: (store: string) => boolean,
): (id: Uint8Array) => boolean {
  return (id) => {
    const place = index.block(id);
    const segment = place && index.segment(place.segment);
    if (segment === undefined || segment.adopted === true) return false;
    return new Set(standingStores(segment).filter(answering)).size >= shardsNeeded;
  };
}

/** Which stores hold what the index says, as of now. */
export async function answeringStores({ marks }: Pick<VaultParts, "marks">): Promise<(store: string) => boolean> {
  const problems = await marks.check();
  return (store) => problems.has(store) && problems.get(store) === undefined;
}
