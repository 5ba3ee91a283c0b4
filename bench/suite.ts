// What a suite of benchmarks is: what it is given, and what it offers.

import type { Case } from "./measure.ts";
import type { Peers } from "./peers.ts";
import type { Row } from "./report.ts";

/** What a suite is given. */
export interface SuiteContext {
  readonly peers: Peers;
  /** Facts to print beside the figures. */
  readonly facts: Record<string, string | number>;
  readonly quick: boolean;
  /** How much the vault's cases store. */
  readonly vaultSizeBytes: number;
  /** Whether a case of this name was asked for: a suite need not prepare others. */
  readonly wants: (name: string) => boolean;
}

/** Cases that are ready to be measured; disposing releases what they use. */
export interface Suite extends AsyncDisposable {
  readonly cases: readonly Case[];
  /** Facts that follow from the suite's rows. */
  readonly summary?: (rows: readonly Row[]) => Readonly<Record<string, string | number>>;
}

/** Opens a suite. */
export type OpenSuite = (context: SuiteContext) => Promise<Suite>;
