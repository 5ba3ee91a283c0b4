// How far the copy of a twin in its vault is behind while a real host does 500 commands a second: what a total loss
// would cost at that moment.

import { setTimeout as sleep } from "node:timers/promises";
import { connectHost } from "../../../host/connect.ts";
import type { ControlApi } from "../../../host/index.ts";
import { HostProcess } from "../../../test/support/host-process.ts";
import { type Case, quantile } from "../../measure.ts";
import type { SuiteContext } from "../../suite.ts";

const COMMANDS_PER_SECOND = 500;
/** More that wait say that the host does not keep up. */
const IN_FLIGHT_MAX = 256;
const ROUND_MS_MIN = 4_000;
/** Between two looks: each costs the host something as well. */
const LOOK_MS = 20;
const ROUNDS_MAX = { full: 5, quick: 1 } as const;

/** Starts a host, which ends with `stack`. */
export async function openLagCase(
  stack: AsyncDisposableStack,
  { facts, quick }: Pick<SuiteContext, "facts" | "quick">,
): Promise<Case> {
  const host = stack.use(await HostProcess.create());
  await host.start();
  const { control } = stack.use((await connectHost(host.folder))!);
  const made = await control.call("files", "create_folder", { parent: "root", name: "bench" });
  const { id } = made.result as { readonly id: string };
  while (((await control.status()).replica?.rootSequence ?? 0) === 0) await sleep(LOOK_MS);
  let next = 0;
  const rename = async (): Promise<void> => {
    await control.call("files", "rename", { id, name: `bench ${next++}` });
  };
  const sample = async (sliceMs: number): Promise<number> => {
    const stop = new AbortController();
    const looking = look(control, stop.signal);
    const rate = await work(rename, Math.max(sliceMs, ROUND_MS_MIN));
    stop.abort();
    const lags = await looking;
    facts["vault: commands during replication-lag"] =
      `${rate.toFixed(0)} per second, median lag ${quantile(lags, 0.5).toFixed(0)} ms`;
    return quantile(lags, 0.99) / 1_000;
  };
  return {
    suite: "vault",
    name: "replication-lag",
    roundsMax: quick ? ROUNDS_MAX.quick : ROUNDS_MAX.full,
    ours: { name: "twin start", kind: "js", version: "ours", sample },
    others: [],
  };
}

/** Does `command` at the given rate for `ms`, as far as the host keeps up. Answers how many there were per second. */
async function work(command: () => Promise<void>, ms: number): Promise<number> {
  const started = performance.now();
  const inFlight = new Set<Promise<void>>();
  let done = 0;
  for (let elapsedMs = 0; elapsedMs < ms; elapsedMs = performance.now() - started) {
    while (done < (elapsedMs / 1_000) * COMMANDS_PER_SECOND && inFlight.size < IN_FLIGHT_MAX) {
      const running = command().finally(() => inFlight.delete(running));
      inFlight.add(running);
      done++;
    }
    await sleep(1);
  }
  await Promise.all(inFlight);
  return (done / (performance.now() - started)) * 1_000;
}

/** The lags that the host tells, in ascending order; ms. */
async function look(control: ControlApi, signal: AbortSignal): Promise<number[]> {
  const lags: number[] = [];
  while (!signal.aborted) {
    const { replica } = await control.status();
    lags.push(replica!.lagMs);
    await sleep(LOOK_MS);
  }
  return lags.toSorted((left, right) => left - right);
}
