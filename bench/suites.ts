// The suites by name. Each opens what it needs, offers its cases, and closes it again.

import type { SuiteName } from "./case-table.ts";
import type { OpenSuite } from "./suite.ts";

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
