// What was measured on this machine: which lane serves which size best. Kept in the data folder as
// `hardware.json`, and written anew when processor or Node change.

import { isWorkerCount } from "./worker-count.ts";

/** Ways to do one operation: our WebAssembly, or what Node has natively. */
export type Lane = "wasm" | "native";

/** Operations that have a choice. */
export const LANE_OPERATIONS = ["chacha20poly1305-seal", "chacha20poly1305-open", "sha256"] as const;
/** One of them. */
export type LaneOperation = (typeof LANE_OPERATIONS)[number];

/** Inputs of at most this size, and larger than those of the rule before, take this lane. */
export interface LaneRule {
  /** Bytes of the message; null in the last rule: any size. */
  readonly upToSizeBytes: number | null;
  readonly lane: Lane;
}

/** The rules of every operation, in ascending order; each list ends with a rule for any size. */
export type LaneTable = Readonly<Record<LaneOperation, readonly LaneRule[]>>;

/** The content of `hardware.json`. Valid only for the processor and the Node that it names. */
export interface HardwareProfile {
  readonly version: 1;
  /** Model of the processor, as the operating system names it. */
  readonly cpu: string;
  /** Version of Node. */
  readonly node: string;
  /** `start`: a quick look at the first start. `bench`: measured at length by `bench --apply`, and kept. */
  readonly measuredBy: "start" | "bench";
  /** Milliseconds since 1970. */
  readonly measuredAtMs: number;
  readonly lanes: LaneTable;
  /** Workers with which the pool of kernels did most; absent when only the first start measured. */
  readonly kernelWorkers?: number | undefined;
}

/** The profile that `value` is, or undefined when it is none. */
export function parseHardwareProfile(value: unknown): HardwareProfile | undefined {
  const profile = value as Partial<HardwareProfile> | null;
  const isProfile =
    typeof profile === "object" &&
    profile !== null &&
    profile.version === 1 &&
    typeof profile.cpu === "string" &&
    typeof profile.node === "string" &&
    (profile.measuredBy === "start" || profile.measuredBy === "bench") &&
    typeof profile.measuredAtMs === "number" &&
    (profile.kernelWorkers === undefined || isWorkerCount(profile.kernelWorkers)) &&
    isTable(profile.lanes);
  return isProfile ? (profile as HardwareProfile) : undefined;
}

/** One lane for everything. */
export function uniformTable(lane: Lane): LaneTable {
  const rules = [{ upToSizeBytes: null, lane }];
  return { "chacha20poly1305-seal": rules, "chacha20poly1305-open": rules, sha256: rules };
}

function isTable(value: unknown): value is LaneTable {
  if (typeof value !== "object" || value === null) return false;
  return LANE_OPERATIONS.every((operation) => isRules((value as Record<string, unknown>)[operation]));
}

function isRules(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  const rules = value as readonly (Partial<LaneRule> | null)[];
  let before = -1;
  return rules.every((rule, index) => {
    const bound = rule?.upToSizeBytes;
    const isInOrder = index === rules.length - 1 ? bound === null : Number.isSafeInteger(bound) && bound! > before;
    before = bound ?? before;
    return isInOrder && (rule?.lane === "wasm" || rule?.lane === "native");
  });
}
