// The sandbox's public door, for programs that run strangers' WebAssembly and need no twins:
// `digital-twin-host/sandbox`. docs/guides/run-strangers-code.md shows how.

export { systemClock } from "./base/clock.ts";
export { TwinError } from "./base/errors.ts";
export { silentLog } from "./base/log.ts";
export { admit, type AdmissionPolicy } from "./sandbox/admit.ts";
export { type CompiledGuest, compileGuest, type GuestOptions, instantiate } from "./sandbox/guest.ts";
export {
  openSandboxPool,
  type PooledGuest,
  type PooledModule,
  type PoolOptions,
  type SandboxPool,
} from "./sandbox/pool.ts";
export type { SandboxHost } from "./sandbox/pool-messages.ts";
export type {
  AdmittedModule,
  CallBudget,
  Guest,
  GuestAnswer,
  GuestMemory,
  HostFunction,
  HostImplementation,
  HostInterface,
  Usage,
  WaitingImplementation,
  WaitingMemory,
} from "./sandbox/sandbox.ts";
