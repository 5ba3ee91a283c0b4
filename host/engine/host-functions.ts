// The closed list of what a guest can ask of the host (docs/formats/abi.md): signatures, prices, and
// who may use what. Admission and the running guest are held to this one table.

import { TwinError } from "../base/errors.ts";
import type { HostFunction, HostImplementation, HostInterface } from "../sandbox/sandbox.ts";
import { HOST_ACTIONS, type HostAction, type HostArguments } from "./host-actions.ts";
import type { GuestFrame } from "./guest-frame.ts";

/** One function: its signature and price, and its conditions. */
interface HostFunctionRule extends HostFunction {
  /** Whether it changes something, so that only commands may use it. */
  readonly changes: boolean;
  /** The permission that the manifest must ask for. */
  readonly permission?: "state" | "blobs" | "send" | "emit" | "schedule" | "call" | undefined;
}

const [i32, f64] = ["i32", "f64"] as const;
const PAIR = [i32, i32] as const;

/** Every host function. Prices are in fuel, about a third of a nanosecond each; lengths cost extra. */
const HOST_FUNCTIONS = {
  take: { params: [i32], results: [], fuel: 100, changes: false },
  kv_get: { params: PAIR, results: [i32], fuel: 10_000, changes: false, permission: "state" },
  kv_put: { params: [...PAIR, ...PAIR], results: [], fuel: 40_000, changes: true, permission: "state" },
  kv_delete: { params: PAIR, results: [i32], fuel: 40_000, changes: true, permission: "state" },
  kv_scan: { params: [...PAIR, ...PAIR, ...PAIR], results: [i32], fuel: 20_000, changes: false, permission: "state" },
  blob_link: { params: PAIR, results: [], fuel: 40_000, changes: true, permission: "blobs" },
  blob_unlink: { params: PAIR, results: [], fuel: 40_000, changes: true, permission: "blobs" },
  send: {
    params: [...PAIR, ...PAIR, ...PAIR, ...PAIR],
    results: [],
    fuel: 80_000,
    changes: true,
    permission: "send",
  },
  emit: { params: [...PAIR, ...PAIR], results: [], fuel: 80_000, changes: true, permission: "emit" },
  schedule: {
    params: [f64, ...PAIR, ...PAIR],
    results: [f64],
    fuel: 80_000,
    changes: true,
    permission: "schedule",
  },
  unschedule: { params: [f64], results: [i32], fuel: 80_000, changes: true, permission: "schedule" },
  call: { params: [...PAIR, ...PAIR, ...PAIR], results: [i32], fuel: 10_000, changes: false, permission: "call" },
  caller: { params: [], results: [i32], fuel: 2_000, changes: false },
  now_ms: { params: [], results: [f64], fuel: 50, changes: false },
  random: { params: PAIR, results: [], fuel: 1_000, changes: false },
  log: { params: [i32, ...PAIR], results: [], fuel: 10_000, changes: false },
  fail: { params: [...PAIR, ...PAIR], results: [], fuel: 1_000, changes: false },
} as const satisfies Readonly<Record<string, HostFunctionRule>>;

type HostFunctionName = keyof typeof HOST_FUNCTIONS;

/** Signatures and prices of all host functions: what the sandbox admits imports by. */
export const HOST_INTERFACE: HostInterface = HOST_FUNCTIONS;

/** Which permission the host function of that name needs; undefined when none. */
export function permissionOf(name: string): HostFunctionRule["permission"] {
  return Object.hasOwn(HOST_FUNCTIONS, name) ? ruleOf(name as HostFunctionName).permission : undefined;
}

/** The functions for one guest, which act on the frame that `current` gives: that of the call it is in. */
export function createHostImplementation(current: () => GuestFrame): HostImplementation {
  const names = Object.keys(HOST_FUNCTIONS) as HostFunctionName[];
  return Object.fromEntries(
    names.map((name) => {
      const act: HostAction = HOST_ACTIONS[name];
      const rule = ruleOf(name);
      const bound: HostImplementation[string] = (memory, ...args) => {
        const frame = current();
        checkUse(name, rule, frame);
        frame.run.checkDeadline();
        return act({ frame, memory }, args as unknown as HostArguments);
      };
      return [name, bound];
    }),
  );
}

function ruleOf(name: HostFunctionName): HostFunctionRule {
  return HOST_FUNCTIONS[name];
}

function checkUse(name: HostFunctionName, rule: HostFunctionRule, frame: GuestFrame): void {
  const { permission, changes } = rule;
  if (permission !== undefined && !frame.permissions.has(permission)) {
    throw denied(name, `the manifest of ${frame.capability} does not ask for the permission "${permission}"`);
  }
  if (permission !== undefined && frame.kind === "init") throw denied(name, "twin_init may use no permission");
  if (changes && frame.kind === "query") throw denied(name, `${frame.method} is a query; only commands change things`);
}

function denied(name: HostFunctionName, why: string): TwinError {
  return new TwinError("TWIN_GUEST_DENIED", `The host refuses ${name}: ${why}.`, { function: name });
}
