// A process with many twins that sleep, as a host has them; it does and tells what its parent asks.

import { enableCompileCache } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { codeCacheFolder } from "../../../host/config.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { Engine } from "../../../host/engine/engine.ts";
import { type Engines, openEngines } from "../../../host/engine/open-engines.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { secondsOf } from "../../samplers.ts";
import { BENCH_CAPABILITY, benchPackage, benchText } from "../engine/bench-capability.ts";
import { type ManyTwinsAnswers, twinOf } from "./many-twins.ts";

const MORTAL = new URL("../../../test/support/mortal-engine-worker.ts", import.meta.url);
const [folder, countText] = process.argv.slice(2) as [string, string];
const count = Number(countText);
const TEXT = benchText(0, 16);
/** Below this share of a core nothing is under way any more. */
const CALM_SHARE = 0.005;
const CALM_MS = 1_000;
const IDLE_MS = 3_000;

// As the host's own entry has it.
enableCompileCache(codeCacheFolder());

let engines: Engines | undefined;
const twins: Engine[] = [];
let next = 0;

function call(engine: Engine, method: string): Promise<unknown> {
  // All of them may be asked at once: the last one waits for the others.
  const budget = { timeoutMs: LIMITS.engine.callTimeoutMsMax };
  const request = { holder: { kind: "owner" }, capability: BENCH_CAPABILITY, method, budget } as const;
  return engine.call({ ...request, payload: jsonEncode(TEXT) });
}

/** Share of a core that this process takes for `ms`. */
async function cpuShare(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const started = performance.now();
  await sleep(ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / (performance.now() - started);
}

/** Resolves once nothing is under way. */
async function calm(): Promise<void> {
  while ((await cpuShare(CALM_MS)) > CALM_SHARE);
}

/** Resident bytes once nothing is under way and what can be freed is free. */
async function calmBytes(): Promise<number> {
  await calm();
  globalThis.gc?.();
  await calm();
  return process.memoryUsage.rss();
}

const actions: { readonly [Name in keyof ManyTwinsAnswers]: () => Promise<ManyTwinsAnswers[Name]> } = {
  /** Makes the twins, each with the bench's capability and a row. */
  prepare: async () => {
    const packageBytes = benchPackage(await openKernels());
    await using fresh = await openEngines({ folder: `${folder}/journals`, log: silentLog });
    for (let index = 0; index < count; index++) {
      await using engine = await fresh.open(twinOf(folder, index));
      await engine.install(packageBytes);
      await call(engine, "put");
    }
    return count;
  },
  /** Takes all of them in; bytes per twin that sleeps. */
  open: async () => {
    engines = await openEngines({
      folder: `${folder}/journals`,
      // As a host's folder is.
      isLocked: true,
      log: silentLog,
      entry: MORTAL,
    });
    twins.push(engines.takeIn(twinOf(folder, next)));
    await call(twins[next++]!, "get");
    const before = await calmBytes();
    while (twins.length < count) twins.push(engines.takeIn(twinOf(folder, twins.length)));
    return ((await calmBytes()) - before) / (count - 1);
  },
  idle: () => cpuShare(IDLE_MS),
  /** Seconds until a twin that sleeps has answered. */
  wake: () => secondsOf(() => call(twins[next++ % count]!, "get")),
  /** Ends the worker; seconds until another twin, and until all of them have answered. */
  kill: async () => {
    // Until a worker stands ready for the place of the one that dies.
    await sleep(LIMITS.engine.spareDelayMs);
    await calm();
    const dying = call(twins[0]!, "$die").catch(() => {});
    await dying;
    const one = await secondsOf(() => call(twins[next++ % count]!, "get"));
    const rest = await secondsOf(() => Promise.all(twins.map((engine) => call(engine, "get"))));
    return { one, all: one + rest };
  },
};

process.on("message", (name: keyof ManyTwinsAnswers) => {
  actions[name]().then(
    (answer) => process.send!({ answer }),
    (thrown: unknown) => process.send!({ error: String(thrown) }),
  );
});
process.on("disconnect", () => process.exit());
