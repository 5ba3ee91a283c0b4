// The closed list of what a guest can ask of the host (docs/formats/abi.md): signatures, prices, and
// who may use what. Admission and the running guest are held to this one table.

import { TwinError } from "../base/errors.ts";
import type { MethodKind } from "../packages/manifest.ts";
import type { HostFunction, HostImplementation, HostInterface } from "../sandbox/sandbox.ts";
import { HOST_ACTIONS, type HostAction, type HostArguments } from "./host-actions.ts";
import type { GuestFrame } from "./guest-frame.ts";

/** One function: its signature and price, and its conditions. */
interface HostFunctionRule extends HostFunction {
  /** Which methods may use it. */
  readonly use: keyof typeof USERS;
  /** The permission that the manifest must ask for. */
  readonly permission?: "state" | "blobs" | "send" | "emit" | "schedule" | "call" | "http" | "peer_call" | undefined;
}

/** Kinds of methods, and why others may not. */
const USERS = {
  any: { kinds: ["query", "command", "task"], why: "" },
  transaction: {
    kinds: ["query", "command"],
    why: "a task reads and changes state by calling queries and commands of its capability",
  },
  command: { kinds: ["command"], why: "only commands change things" },
  task: { kinds: ["task"], why: "only tasks wait for the outside" },
} as const satisfies Readonly<Record<string, { readonly kinds: readonly MethodKind[]; readonly why: string }>>;

const [i32, f64] = ["i32", "f64"] as const;
const PAIR = [i32, i32] as const;

/** Every host function. Prices are in fuel, about a third of a nanosecond each; lengths cost extra. */
const HOST_FUNCTIONS = {
  take: { params: [i32], results: [], fuel: 100, use: "any" },
  kv_get: { params: PAIR, results: [i32], fuel: 10_000, use: "transaction", permission: "state" },
  kv_put: { params: [...PAIR, ...PAIR], results: [], fuel: 40_000, use: "command", permission: "state" },
  kv_delete: { params: PAIR, results: [i32], fuel: 40_000, use: "command", permission: "state" },
  kv_scan: {
    params: [...PAIR, ...PAIR, ...PAIR],
    results: [i32],
    fuel: 20_000,
    use: "transaction",
    permission: "state",
  },
  blob_link: { params: PAIR, results: [], fuel: 40_000, use: "command", permission: "blobs" },
  blob_unlink: { params: PAIR, results: [], fuel: 40_000, use: "command", permission: "blobs" },
  send: {
    params: [...PAIR, ...PAIR, ...PAIR, ...PAIR],
    results: [],
    fuel: 80_000,
    use: "command",
    permission: "send",
  },
  emit: { params: [...PAIR, ...PAIR], results: [], fuel: 80_000, use: "command", permission: "emit" },
  schedule: {
    params: [f64, ...PAIR, ...PAIR],
    results: [f64],
    fuel: 80_000,
    use: "command",
    permission: "schedule",
  },
  unschedule: { params: [f64], results: [i32], fuel: 80_000, use: "command", permission: "schedule" },
  call: { params: [...PAIR, ...PAIR, ...PAIR], results: [i32], fuel: 10_000, use: "any", permission: "call" },
  http_fetch: { params: [...PAIR, ...PAIR], results: [i32], fuel: 1_000_000, use: "task", permission: "http" },
  peer_call: {
    params: [...PAIR, ...PAIR, ...PAIR, ...PAIR],
    results: [i32],
    fuel: 1_000_000,
    use: "task",
    permission: "peer_call",
  },
  caller: { params: [], results: [i32], fuel: 2_000, use: "any" },
  now_ms: { params: [], results: [f64], fuel: 50, use: "any" },
  random: { params: PAIR, results: [], fuel: 1_000, use: "any" },
  log: { params: [i32, ...PAIR], results: [], fuel: 10_000, use: "any" },
  fail: { params: [...PAIR, ...PAIR], results: [], fuel: 1_000, use: "any" },
} as const satisfies Readonly<Record<string, HostFunctionRule>>;

/** One of them. */
export type HostFunctionName = keyof typeof HOST_FUNCTIONS;

/** Signatures and prices of all host functions: what the sandbox admits imports by. */
export const HOST_INTERFACE: HostInterface = HOST_FUNCTIONS;

/** Which permission the host function of that name needs; undefined when none. */
export function permissionOf(name: string): HostFunctionRule["permission"] {
  return isHostFunction(name) ? ruleOf(name).permission : undefined;
}

/** The functions of these names for one guest, which act on the frame that `current` gives: that of the call it is in. Names of no host function are left out. */
export function createHostImplementation(names: readonly string[], current: () => GuestFrame): HostImplementation {
  const implementation: Record<string, HostImplementation[string]> = {};
  for (const name of names) if (isHostFunction(name)) implementation[name] = bindAction(name, current);
  return implementation;
}

function bindAction(name: HostFunctionName, current: () => GuestFrame): HostImplementation[string] {
  const act: HostAction = Object.hasOwn(HOST_ACTIONS, name) ? HOST_ACTIONS[name as ActionName] : waits;
  const rule = ruleOf(name);
  return (memory, ...args) => {
    const frame = current();
    checkUse(name, rule, frame);
    frame.run.checkDeadline();
    return act({ frame, memory }, args as unknown as HostArguments);
  };
}

function isHostFunction(name: string): name is HostFunctionName {
  return Object.hasOwn(HOST_FUNCTIONS, name);
}

type ActionName = keyof typeof HOST_ACTIONS;

function waits(): never {
  throw new TypeError("What waits is given to the guests of tasks apart.");
}

/** Throws `TWIN_GUEST_DENIED` unless the method of `frame` may use the function, and `TWIN_GUEST_DEADLINE` when its time is up. */
export function checkHostCall(name: HostFunctionName, frame: GuestFrame): void {
  checkUse(name, ruleOf(name), frame);
  frame.run.checkDeadline();
}

function ruleOf(name: HostFunctionName): HostFunctionRule {
  return HOST_FUNCTIONS[name];
}

function checkUse(name: HostFunctionName, rule: HostFunctionRule, frame: GuestFrame): void {
  const { permission, use } = rule;
  if (permission !== undefined && !frame.permissions.has(permission)) {
    throw denied(name, `the manifest of ${frame.capability} does not ask for the permission "${permission}"`);
  }
  if (frame.kind === "init") {
    if (permission === undefined) return;
    throw denied(name, "twin_init may use no permission");
  }
  const { kinds, why }: (typeof USERS)[keyof typeof USERS] = USERS[use];
  if ((kinds as readonly MethodKind[]).includes(frame.kind)) return;
  throw denied(name, `${frame.method} is a ${frame.kind}; ${why}`);
}

function denied(name: HostFunctionName, why: string): TwinError {
  return new TwinError("TWIN_GUEST_DENIED", `The host refuses ${name}: ${why}.`, { function: name });
}
