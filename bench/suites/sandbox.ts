// What it costs to run strangers' code under exact limits: calls, instances, admission and metering.

import { systemClock } from "../../host/base/clock.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { silentLog } from "../../host/base/log.ts";
import { HOST_INTERFACE } from "../../host/engine/host-functions.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { type CompiledGuest, compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import { ProcessTally } from "../../host/sandbox/process-tally.ts";
import type { Guest, HostImplementation, HostInterface } from "../../host/sandbox/sandbox.ts";
import { openSandboxPool } from "../../host/sandbox/pool.ts";
import { WaitingRoom } from "../../host/sandbox/waiting-room.ts";
import { assembleGuest } from "../../test/support/assemble.ts";
import { fillRandom } from "../arena.ts";
import type { Case, Contender } from "../measure.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import {
  callPlugin,
  type CreatePlugin,
  ECHO_PLUGIN,
  EXTISM,
  compileText,
  hostCallPlugin,
  loadExtism,
  type Plugin,
} from "./sandbox/extism.ts";
import { openAttackCases } from "./sandbox/attacks.ts";
import { openMeterCases } from "./sandbox-programs/meter-cases.ts";
import { meterSummary } from "./sandbox/meter-summary.ts";
import { enlargeModule, readEchoCapability } from "./sandbox/modules.ts";

const OURS = { name: "sandbox", kind: "wasm", version: "ours" } as const;
/** One function that does nothing, beside those that capabilities have. */
const OFFERED: HostInterface = { ...HOST_INTERFACE, nothing: { params: [], results: [], fuel: 10 } };
const IDLE_HOST = Object.fromEntries(Object.keys(OFFERED).map((name) => [name, () => undefined]));
const POLICY = { hostInterface: OFFERED, limits: LIMITS.sandbox };
const BUDGET = { fuel: LIMITS.sandbox.callFuel };
/** A worker stops a guest that computes for longer. */
const WORKER_BUDGET = { ...BUDGET, timeoutMs: LIMITS.sandbox.callTimeoutMs };
const ECHO_SIZES = { "echo-64": 64, "echo-1k": 1_024, "echo-64k": 65_536 } as const;
const COUNTING_LOOP = `(param i32 i32) (result i64)
  (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i64.const 0)`;
/** Host calls of one call of the guest. */
const HOST_CALLS = 10_000;

/** Opens the suite `sandbox`. */
export async function openSandboxSuite(context: SuiteContext): Promise<Suite> {
  const { facts, peers } = context;
  await using stack = new AsyncDisposableStack();
  const extism = loadExtism(peers);
  const echo = readEchoCapability();
  const meters = await openMeterCases();
  Object.assign(facts, meters.facts);
  const cases = [
    ...(await echoCases(extism)),
    ...(await workerEchoCases(stack, extism)),
    await hostCallCase(extism),
    waitingCallCase(),
    ...instantiateCases(echo, extism),
    admitCase(echo),
    ...(await openAttackCases(stack, context)),
    ...meters.cases,
  ];
  const owned = stack.move();
  return { cases, summary: meterSummary, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function start(compiled: CompiledGuest, implementation: HostImplementation): Guest {
  return instantiate(compiled, { implementation, limits: LIMITS.sandbox, budget: BUDGET });
}

const ECHO = `(func (export "echo") (param i32 i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))`;

async function echoCases(extism: CreatePlugin | undefined): Promise<Case[]> {
  const guest = start(compileGuest(admit(assembleGuest(ECHO, "2"), POLICY)), IDLE_HOST);
  const plugin = await extism?.(compileText(ECHO_PLUGIN), {});
  return Object.entries(ECHO_SIZES).map(([name, sizeBytes]): Case => {
    const payload = fillRandom(new Uint8Array(sizeBytes), sizeBytes);
    const run = (): Uint8Array => guest.call("echo", payload, BUDGET).payload;
    const others = plugin === undefined ? [] : [extismEcho(plugin, payload)];
    return { suite: "sandbox", name, sizeBytes, ours: { ...OURS, run }, others };
  });
}

/** The same through a pool of threads; calls go one by one, so that what is measured is the way there and back. */
async function workerEchoCases(stack: AsyncDisposableStack, extism: CreatePlugin | undefined): Promise<Case[]> {
  const pool = stack.use(await openSandboxPool({ clock: systemClock, log: silentLog }));
  const guest = pool.createGuest(await pool.admit(assembleGuest(ECHO, "2")));
  const plugin = await extism?.(compileText(ECHO_PLUGIN), { runInWorker: true });
  if (plugin !== undefined) stack.defer(() => plugin.close());
  return Object.entries(ECHO_SIZES).map(([name, sizeBytes]): Case => {
    const payload = fillRandom(new Uint8Array(sizeBytes), sizeBytes);
    const run = async (): Promise<Uint8Array> => (await guest.call("echo", payload, WORKER_BUDGET)).payload;
    const others = plugin === undefined ? [] : [extismEcho(plugin, payload)];
    return { suite: "sandbox", name: `${name}-worker`, sizeBytes, ours: { ...OURS, async: true, run }, others };
  });
}

function extismEcho(plugin: Plugin, payload: Uint8Array): Contender {
  const run = async (): Promise<Uint8Array> => (await callPlugin(plugin, "echo", payload))!.bytes();
  return { ...EXTISM, async: true, run };
}

/** A guest that calls the host function `nothing` so often. */
function assembleCaller(): Uint8Array<ArrayBuffer> {
  const body = `(local $left i32) (local.set $left (i32.const ${HOST_CALLS}))
    (loop $again (call $nothing) (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) (i64.const 0)`;
  return assembleGuest(
    `(import "twin" "nothing" (func $nothing)) (func (export "run") (param i32 i32) (result i64) ${body})`,
  );
}

/** Of a host function whose promise is settled already: what standing still and going on costs. */
function waitingCallCase(): Case {
  const answer = Promise.resolve();
  const room = new WaitingRoom({ clock: systemClock, tally: new ProcessTally() });
  const guest = instantiate(compileGuest(admit(assembleCaller(), POLICY)), {
    implementation: {},
    waiting: { implementation: { nothing: () => answer }, room },
    limits: LIMITS.sandbox,
    budget: BUDGET,
  });
  const payload = new Uint8Array(0);
  const run = (): Promise<unknown> => guest.callWaiting("run", payload, WORKER_BUDGET);
  return {
    suite: "sandbox",
    name: "host-call-waiting",
    ours: { ...OURS, async: true, count: HOST_CALLS, run },
    others: [],
  };
}

async function hostCallCase(extism: CreatePlugin | undefined): Promise<Case> {
  const guest = start(compileGuest(admit(assembleCaller(), POLICY)), IDLE_HOST);
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

/** Of a module without tables to fill, so that it is the instance that is measured, and of one that has some. */
function instantiateCases(capability: Uint8Array, extism: CreatePlugin | undefined): Case[] {
  const bytes = enlargeModule(assembleGuest(`(func (export "run") ${COUNTING_LOOP})`), 20_000);
  const others: Contender[] = [];
  if (extism !== undefined) {
    const module = new WebAssembly.Module(bytes);
    others.push({ ...EXTISM, async: true, run: () => extism(module, {}) });
  }
  return [
    { suite: "sandbox", name: "instantiate", ours: starter(bytes), others },
    { suite: "sandbox", name: "instantiate-capability", ours: starter(capability), others: [] },
  ];
}

function starter(bytes: Uint8Array): Contender {
  const compiled = compileGuest(admit(bytes, POLICY));
  return { ...OURS, run: (): unknown => start(compiled, IDLE_HOST) };
}

function admitCase(echo: Uint8Array): Case {
  const bytes = enlargeModule(echo, 1_000_000);
  const run = (): unknown => admit(bytes, POLICY).wasm;
  return { suite: "sandbox", name: "admit-1mb", ours: { ...OURS, run }, others: [] };
}
