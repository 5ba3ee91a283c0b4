// What it costs to run strangers' code under exact limits: calls, instances, admission and metering.

import { LIMITS } from "../../host/base/limits.ts";
import { HOST_INTERFACE } from "../../host/engine/host-functions.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { type CompiledGuest, compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import type { Guest, HostImplementation, HostInterface } from "../../host/sandbox/sandbox.ts";
import { assembleGuest } from "../../test/support/assemble.ts";
import { fillRandom } from "../arena.ts";
import { requireAgreement } from "../agreement.ts";
import type { Case, Contender } from "../measure.ts";
import type { Suite, SuiteContext } from "../suites.ts";
import {
  callPlugin,
  type CreatePlugin,
  ECHO_PLUGIN,
  EXTISM,
  compileText,
  hostCallPlugin,
  loadExtism,
} from "./sandbox/extism.ts";
import { enlargeModule, readEchoCapability } from "./sandbox/modules.ts";

const OURS = { name: "sandbox", kind: "wasm", version: "ours" } as const;
/** One function that does nothing, beside those that capabilities have. */
const OFFERED: HostInterface = { ...HOST_INTERFACE, nothing: { params: [], results: [], fuel: 10 } };
const IDLE_HOST = Object.fromEntries(Object.keys(OFFERED).map((name) => [name, () => undefined]));
const POLICY = { hostInterface: OFFERED, limits: LIMITS.sandbox };
const BUDGET = { fuel: LIMITS.sandbox.callFuel };
const ECHO_SIZES = { "echo-64": 64, "echo-1k": 1_024, "echo-64k": 65_536 } as const;
const COUNTING_LOOP = `(param i32 i32) (result i64)
  (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i64.const 0)`;
/** Host calls of one call of the guest. */
const HOST_CALLS = 10_000;

/** Opens the suite `sandbox`. */
export async function openSandboxSuite({ peers }: SuiteContext): Promise<Suite> {
  const extism = loadExtism(peers);
  const echo = readEchoCapability();
  const cases = [...(await echoCases(extism)), await hostCallCase(extism), instantiateCase(extism), admitCase(echo)];
  return { cases, [Symbol.asyncDispose]: async () => {} };
}

function start(compiled: CompiledGuest, implementation: HostImplementation): Guest {
  return instantiate(compiled, { implementation, limits: LIMITS.sandbox, budget: BUDGET });
}

async function echoCases(extism: CreatePlugin | undefined): Promise<Case[]> {
  const answer = "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
  const bytes = assembleGuest(`(func (export "echo") (param i32 i32) (result i64) ${answer})`, "2");
  const guest = start(compileGuest(admit(bytes, POLICY)), IDLE_HOST);
  const plugin = await extism?.(compileText(ECHO_PLUGIN), {});
  const cases: Case[] = [];
  for (const [name, sizeBytes] of Object.entries(ECHO_SIZES)) {
    const payload = fillRandom(new Uint8Array(sizeBytes), sizeBytes);
    const others: Contender[] = [];
    if (plugin !== undefined) {
      const run = async (): Promise<Uint8Array> => (await callPlugin(plugin, "echo", payload))!.bytes();
      requireAgreement(name, payload, [{ name: EXTISM.name, result: await run() }]);
      others.push({ ...EXTISM, async: true, run });
    }
    const run = (): unknown => guest.call("echo", payload, BUDGET).payload;
    cases.push({ suite: "sandbox", name, sizeBytes, ours: { ...OURS, run }, others });
  }
  return cases;
}

async function hostCallCase(extism: CreatePlugin | undefined): Promise<Case> {
  const body = `(local $left i32) (local.set $left (i32.const ${HOST_CALLS}))
    (loop $again (call $nothing) (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) (i64.const 0)`;
  const bytes = assembleGuest(
    `(import "twin" "nothing" (func $nothing)) (func (export "run") (param i32 i32) (result i64) ${body})`,
  );
  const guest = start(compileGuest(admit(bytes, POLICY)), IDLE_HOST);
  const payload = new Uint8Array(0);
  const others: Contender[] = [];
  if (extism !== undefined) {
    const functions = { "extism:host/user": { nothing: () => undefined } };
    const plugin = await extism(compileText(hostCallPlugin(HOST_CALLS)), { functions });
    others.push({ ...EXTISM, async: true, count: HOST_CALLS, run: () => callPlugin(plugin, "run") });
  }
  const run = (): unknown => guest.call("run", payload, BUDGET);
  return { suite: "sandbox", name: "host-call", ours: { ...OURS, count: HOST_CALLS, run }, others };
}

/** Of a module without tables to fill, so that it is the instance that is measured and not its data. */
function instantiateCase(extism: CreatePlugin | undefined): Case {
  const bytes = enlargeModule(assembleGuest(`(func (export "run") ${COUNTING_LOOP})`), 20_000);
  const compiled = compileGuest(admit(bytes, POLICY));
  const others: Contender[] = [];
  if (extism !== undefined) {
    const module = new WebAssembly.Module(bytes);
    others.push({ ...EXTISM, async: true, run: () => extism(module, {}) });
  }
  const run = (): unknown => start(compiled, IDLE_HOST);
  return { suite: "sandbox", name: "instantiate", ours: { ...OURS, run }, others };
}

function admitCase(echo: Uint8Array): Case {
  const bytes = enlargeModule(echo, 1_000_000);
  const run = (): unknown => admit(bytes, POLICY).wasm;
  return { suite: "sandbox", name: "admit-1mb", ours: { ...OURS, run }, others: [] };
}
