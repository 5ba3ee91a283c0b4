// The suites by name. Each opens what it needs, offers its cases, and closes it again.

import type { Case } from "./measure.ts";
import type { Peers } from "./peers.ts";

/** What a suite is given. */
export interface SuiteContext {
  readonly peers: Peers;
  /** Facts to print beside the figures. */
  readonly facts: Record<string, string | number>;
  readonly quick: boolean;
  /** Whether a case of this name was asked for: a suite need not prepare others. */
  readonly wants: (name: string) => boolean;
}

/** Cases that are ready to be measured; disposing releases what they use. */
export interface Suite extends AsyncDisposable {
  readonly cases: readonly Case[];
}

/** Suite -> how to open it. */
export const SUITES: Readonly<Record<string, (context: SuiteContext) => Promise<Suite>>> = {};
