// The suites by name. Each opens what it needs, offers its cases, and closes it again.

import type { SuiteName } from "./case-table.ts";
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

/** Suite -> how to open it. Loaded when it is asked for: one does not pay for what another needs. */
export const SUITES: Readonly<Record<SuiteName, () => Promise<OpenSuite>>> = {
  kernels: async () => (await import("./suites/kernels.ts")).openKernelSuite,
  sandbox: async () => (await import("./suites/sandbox.ts")).openSandboxSuite,
  engine: async () => (await import("./suites/engine.ts")).openEngineSuite,
  vault: async () => (await import("./suites/vault.ts")).openVaultSuite,
  rpc: async () => (await import("./suites/rpc.ts")).openRpcSuite,
  peers: async () => (await import("./suites/peers.ts")).openPeerSuite,
  host: async () => (await import("./suites/host.ts")).openHostSuite,
};
