// What is asked of an engine when one version of a capability is to take the place of another.

import type { UpgradeConsent } from "../packages/upgrade-report.ts";

/** An upgrade, or with `dryRun` only the look at it. */
export interface UpgradeRequest {
  readonly packageBytes: Uint8Array;
  readonly dryRun?: boolean | undefined;
  readonly accept?: readonly UpgradeConsent[] | undefined;
  /** Take the version without the permissions that are new in it. */
  readonly withhold?: boolean | undefined;
  /** Let another major version stay, and stand beside it. */
  readonly beside?: boolean | undefined;
}

/** Which capability goes back to a version that it had. */
export interface RollBackRequest {
  readonly name: string;
  /** One of those that are kept; the one that was left last unless given. */
  readonly version?: string | undefined;
  readonly accept?: readonly UpgradeConsent[] | undefined;
}
