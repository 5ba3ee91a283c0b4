// What the host counts, in Prometheus's text format (docs/guides/operate.md). Asked each time for what
// the rooms know already; only the durations of calls are counted here, from the first scrape on.

import type { Gauge, Histogram, Registry } from "prom-client";

import { LIMITS } from "../base/limits.ts";
import type { Receipt } from "../engine/engine.ts";
import type { OwnerParts } from "../rpc/owner-parts.ts";

/** What is counted of a twin. */
export type MeasuredTwin = Pick<OwnerParts, "about" | "engine" | "vault" | "peers" | "replica" | "clock">;

/** The host's figures. Disposing it ends the counting. */
export interface Metrics extends Disposable {
  /** All of them, for {@link METRICS_TYPE}. A part of the host that does not answer is left out, and `twin_up` is 0. */
  text(): Promise<string>;
}

/** Media type of the text (Prometheus, "Exposition formats", version 0.0.4). */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const SECONDS = [0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Metrics of `twins`, which are asked for anew each time. Nothing is loaded or counted before the first scrape. */
export function createMetrics(twins: () => readonly MeasuredTwin[]): Metrics {
  const listening = new DisposableStack();
  let loaded: Promise<Scrape> | undefined;
  return {
    text: async () => {
      loaded ??= loadScrape(listening);
      return await (
        await loaded
      )(twins());
    },
    [Symbol.dispose]: () => listening.dispose(),
  };
}

type Scrape = (twins: readonly MeasuredTwin[]) => Promise<string>;

async function loadScrape(listening: DisposableStack): Promise<Scrape> {
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const seconds = new Histogram({
    name: "twin_call_seconds",
    help: "Time of a call from its arrival to its end, without the disk.",
    labelNames: ["twin", "capability", "outcome"],
    buckets: SECONDS,
    registers,
  });
  const figures = new Map<string, Gauge>();
  for (const [name, help, labels = []] of FIGURES) {
    const Kind = name.endsWith("_total") ? Counter : Gauge;
    figures.set(name, new Kind({ name, help, labelNames: ["twin", ...labels], registers }) as Gauge);
  }
  const watched = new Set<string>();
  return async (twins) => {
    for (const twin of twins) {
      if (watched.has(twin.about.twin)) continue;
      watched.add(twin.about.twin);
      listening.defer(watch(twin, seconds));
    }
    return await scrape(registry, figures, twins);
  };
}

function watch({ about, engine }: MeasuredTwin, seconds: Histogram): () => void {
  const { twin } = about;
  return engine.listen({
    onReceipt: ({ capability, outcome, queueMs, runMs }: Receipt) => {
      seconds.observe({ twin, capability, outcome }, (queueMs + runMs) / 1_000);
    },
  });
}

async function scrape(
  registry: Registry,
  figures: ReadonlyMap<string, Gauge>,
  twins: readonly MeasuredTwin[],
): Promise<string> {
  const values = (await Promise.all(twins.map(measure))).flat();
  for (const figure of figures.values()) figure.reset();
  // Counters take what they grow by, which after a reset is all.
  for (const { name, value, labels } of values) figures.get(name)!.inc(labels, value);
  return await registry.metrics();
}

/** Name, help and labels beside `twin`. */
const FIGURES: readonly (readonly [name: string, help: string, labels?: readonly string[]])[] = [
  ["twin_up", "Whether the twin's engine answers."],
  ["twin_calls_total", "Calls since the twin began."],
  ["twin_call_errors_total", "Calls that failed, since the twin began."],
  ["twin_fuel_total", "Fuel that calls have burnt, since the twin began."],
  ["twin_events_total", "Events since the twin began."],
  ["twin_outbox_messages", "Messages on their way to other twins."],
  ["twin_parked_messages", "Messages that their receivers refused."],
  ["twin_timers", "Timers that wait."],
  ["twin_tasks", "Tasks that run or wait for the outside."],
  ["twin_guests", "Live instances of capabilities."],
  ["twin_guest_memory_bytes", "Memory of live instances."],
  ["twin_contacts", "Contacts, by whether they are connected.", ["state"]],
  ["twin_stores", "Stores of the vault, by how they are.", ["state"]],
  ["twin_vault_objects", "Objects in the vault."],
  ["twin_vault_bytes", "Size of the objects in the vault."],
  ["twin_vault_segments", "Segments of the vault, by whether they have all of their shards.", ["state"]],
  ["twin_vault_margin", "Stores that may still be lost without losing data.", ["of"]],
  ["twin_replica_lag_seconds", "Age of the oldest write that a loss of this host would cost now."],
  ["twin_replica_problems", "1 while the copy of the twin, or the proof that it can be restored, is not as promised."],
  ["twin_last_drill_timestamp_seconds", "When a restore of the twin was last proven; absent before the first time."],
];

interface Value {
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

async function measure(parts: MeasuredTwin): Promise<Value[]> {
  const { twin } = parts.about;
  const values: Value[] = [];
  const add = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): void => {
    values.push({ name, value, labels: { twin, ...labels } });
  };
  const [up] = await Promise.all([
    answers(parts, measureEngine(parts, add)),
    answers(parts, measurePeers(parts, add)),
    answers(parts, measureVault(parts, add)),
    answers(parts, measureReplica(parts, add)),
  ]);
  add("twin_up", up ? 1 : 0);
  return values;
}

/** Whether `work` comes to its end in time. Who scrapes does not wait for long. */
async function answers({ clock }: MeasuredTwin, work: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const late = clock.sleep(LIMITS.web.healthTimeoutMs, { signal: stop.signal }).then(() => false);
  const done = work.then(() => true);
  try {
    return await Promise.race([done, late]);
  } catch {
    return false;
  } finally {
    late.catch(() => {});
    stop.abort();
  }
}

type Add = (name: string, value: number, labels?: Readonly<Record<string, string>>) => void;

async function measureEngine({ engine }: MeasuredTwin, add: Add): Promise<void> {
  const status = await engine.status();
  add("twin_calls_total", status.calls);
  add("twin_call_errors_total", status.errors);
  add("twin_fuel_total", status.fuel);
  add("twin_events_total", status.lastEventSequence);
  add("twin_outbox_messages", status.outbox);
  add("twin_parked_messages", status.parked);
  add("twin_timers", status.timers);
  add("twin_tasks", status.tasks);
  add("twin_guests", status.guests);
  add("twin_guest_memory_bytes", status.guestMemorySizeBytes);
}

async function measurePeers({ peers }: MeasuredTwin, add: Add): Promise<void> {
  if (peers === undefined) return;
  const contacts = await peers.status();
  const online = contacts.filter((contact) => contact.online).length;
  add("twin_contacts", online, { state: "online" });
  add("twin_contacts", contacts.length - online, { state: "offline" });
}

async function measureVault({ vault }: MeasuredTwin, add: Add): Promise<void> {
  const status = await vault.status();
  const healthy = status.stores.filter((store) => store.healthy).length;
  add("twin_stores", healthy, { state: "healthy" });
  add("twin_stores", status.stores.length - healthy, { state: "unhealthy" });
  add("twin_vault_objects", status.objectCount);
  add("twin_vault_bytes", status.sizeBytes);
  add("twin_vault_segments", status.segmentCount - status.degradedSegments, { state: "whole" });
  add("twin_vault_segments", status.degradedSegments, { state: "degraded" });
  add("twin_vault_margin", status.margin, { of: "stores" });
  add("twin_vault_margin", status.domainMargin, { of: "domains" });
}

async function measureReplica({ replica }: MeasuredTwin, add: Add): Promise<void> {
  const status = await replica?.();
  if (status === undefined) return;
  add("twin_replica_lag_seconds", status.lagMs / 1_000);
  add("twin_replica_problems", status.problem === undefined ? 0 : 1);
  if (status.lastDrillAtMs !== undefined) add("twin_last_drill_timestamp_seconds", status.lastDrillAtMs / 1_000);
}
