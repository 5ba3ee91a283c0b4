// A real host under load, and real restores from its stores, all killed at any moment; and what must be left then.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { readConfig } from "../../host/config.ts";
import { connectHost } from "../../host/connect.ts";
import { openHost } from "../../host/host.ts";
import type { ControlApi } from "../../host/index.ts";
import { HostProcess, MAIN } from "./host-process.ts";

const CALLERS = 4;
const STORES = 6;
const NEEDED = 4;
const RESTORE_KILLS = 3;
const PAGE = 200;

type Chance = (max: number) => number;

/** What a caller was told, and what the host told of its copy. */
class Ledger {
  /** When each folder was acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  /** All folders that were asked for. */
  readonly asked = new Set<string>();
  #safeUntilMs = 0;

  acknowledge(name: string): void {
    this.#acknowledged.set(name, performance.now());
  }

  /** The host says that it is `lagMs` behind, and was asked at `askedAtMs`. */
  tell(askedAtMs: number, lagMs: number): void {
    this.#safeUntilMs = Math.max(this.#safeUntilMs, askedAtMs - lagMs);
  }

  get acknowledged(): string[] {
    return [...this.#acknowledged.keys()];
  }

  get safe(): string[] {
    return [...this.#acknowledged].filter(([, atMs]) => atMs < this.#safeUntilMs).map(([name]) => name);
  }
}

/** What is needed is there, nothing that nobody asked for is, and of what one caller did in a row nothing without what was before it. */
function judge(ledger: Ledger, found: ReadonlySet<string>, needed: readonly string[], what: string): void {
  const lost = needed.filter((name) => !found.has(name));
  expect(lost, `${what}: what must be there`).toEqual([]);
  const strangers = [...found].filter((name) => !ledger.asked.has(name));
  expect(strangers, `${what}: what nobody asked for`).toEqual([]);
  const gaps = [...found].filter((name) => {
    const [round, caller, number] = name.split("-").map(Number);
    return number! > 0 && !found.has(`${round}-${caller}-${number! - 1}`);
  });
  expect(gaps, `${what}: what came without what was before it`).toEqual([]);
}

/** What a campaign has seen. */
interface Seen {
  readonly acknowledged: number;
  readonly safe: number;
  readonly restoresKilled: number;
  /** Of the twin and of what was restored in the end. */
  readonly roots: readonly [string, string];
}

/** Kills the host `rounds` times under load, restores after each, and ends with two twins that must be equal. */
export async function killWhileReplicating(
  place: string,
  { rounds, below, log }: { readonly rounds: number; readonly below: Chance; readonly log: (line: string) => void },
): Promise<Seen> {
  await using host = await HostProcess.create();
  const ledger = new Ledger();
  const { phrase = "" } = await host.start(["--name", "Ada"]);
  let restoresKilled = 0;
  for (let round = 0; ; round++) {
    const isLast = round === rounds;
    if (round > 0) await host.start();
    const working = workUntilKilled(host, round, ledger, isLast ? 1_000 : Infinity);
    if (isLast) await working;
    else await sleep(500 + below(2_500));
    await host.stop("SIGKILL");
    await working;
    const folder = join(place, `restored-${round}`);
    const restore = { folder, phrase, stores: someStores(host.folder, join(place, `stores-${round}`), below) };
    const { kills, refusal } = await restoreThroughKills(restore, below);
    restoresKilled += kills;
    // Before anything is asked of them, which leaves receipts.
    const roots = isLast
      ? ([await rootOf(host.folder, join(place, "a")), await rootOf(folder, join(place, "b"))] as const)
      : undefined;
    const { safe, acknowledged } = ledger;
    // Killed before its first copy stood, when nothing was called safe.
    if (refusal !== undefined) expect(refusal, safe.join(" ")).toContain("TWIN_OBJECT_UNKNOWN");
    const restored = refusal === undefined ? await foldersOf(folder) : new Set<string>();
    judge(ledger, restored, isLast ? acknowledged : safe, `restored after kill ${round + 1}`);
    judge(ledger, await foldersOf(host.folder), acknowledged, `the host after kill ${round + 1}`);
    log(`kill ${round + 1}: ${acknowledged.length} acknowledged, ${safe.length} of them told safe`);
    if (roots === undefined) continue;
    return { acknowledged: acknowledged.length, safe: safe.length, restoresKilled, roots };
  }
}

/** Changes the twin as fast as it goes, until the host is gone or `ms` are over and all of it is in the vault. */
async function workUntilKilled(host: HostProcess, round: number, ledger: Ledger, ms: number): Promise<void> {
  await using connection = await connectHost(host.folder);
  if (connection === undefined) throw new Error(`The host does not answer, and said: ${host.stderr}`);
  const { control } = connection;
  const untilMs = performance.now() + ms;
  const isOver = (): boolean => performance.now() > untilMs;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let number = 0; !isOver(); number++) {
      const name = `${round}-${caller}-${number}`;
      ledger.asked.add(name);
      await control.call("files", "create_folder", { parent: "root", name });
      ledger.acknowledge(name);
    }
  });
  const watcher = watch(control, ledger, isOver);
  // Each makes a fresh snapshot due, with the root record that names it.
  const renewer = (async () => {
    for (let count = 1; !isOver(); count++) {
      await control.setQuota(count * 1_000_000_000);
      await sleep(400);
    }
  })();
  // Its connection breaks with the host.
  await Promise.allSettled([...callers, watcher, renewer]);
  if (ms === Infinity) return;
  await Promise.all(callers);
  await watch(control, ledger, () => ledger.safe.length === ledger.acknowledged.length);
}

async function watch(control: ControlApi, ledger: Ledger, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    const askedAtMs = performance.now();
    const { replica } = await control.status();
    if (replica !== undefined && replica.rootSequence > 0) ledger.tell(askedAtMs, replica.lagMs);
    await sleep(20);
  }
}

/** Copies as many stores as are needed: the others are lost with the host. */
function someStores(folder: string, place: string, below: Chance): string[] {
  const left = Array.from({ length: STORES }, (_, at) => `store-${at + 1}`);
  while (left.length > NEEDED) left.splice(below(left.length), 1);
  return left.map((name) => {
    cpSync(join(folder, "stores", name), join(place, name), { recursive: true });
    return join(place, name);
  });
}

interface Restore {
  readonly folder: string;
  readonly phrase: string;
  readonly stores: readonly string[];
}

/** Restores, and is killed at it, until it is done. Answers how often it was killed, and why it refused, if it did. */
async function restoreThroughKills(restore: Restore, below: Chance): Promise<{ kills: number; refusal?: string }> {
  const { folder } = restore;
  for (let kills = 0; ; kills++) {
    const { child, said } = startRestore(restore);
    if (kills < RESTORE_KILLS) {
      while (isRunning(child) && !existsSync(`${folder}.making`)) await sleep(2);
      await sleep(below(400));
      child.kill("SIGKILL");
    }
    const { killed, text } = await said;
    if (!killed) {
      expect(existsSync(`${folder}.making`)).toBe(false);
      if (child.exitCode === 0) return { kills };
      expect(existsSync(folder)).toBe(false);
      return { kills, refusal: text };
    }
    if (!existsSync(folder)) continue;
    // It was done but for telling: the next one must not touch it.
    const again = await startRestore(restore).said;
    expect(again.text).toContain("is not empty");
    return { kills: kills + 1 };
  }
}

/** Begins a restore. `said` resolves at its end. */
function startRestore({ folder, phrase, stores }: Restore): {
  readonly child: ChildProcess;
  readonly said: Promise<{ readonly killed: boolean; readonly text: string }>;
} {
  const words = [MAIN, "--data", folder, "--json", "restore", "--store", ...stores];
  const child = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
  // It may be killed before it reads.
  child.stdin.on("error", () => {}).end(phrase);
  const ended = once(child, "close");
  const printed = text(child.stdout);
  const said = ended.then(async ([, signal]) => ({ killed: signal === "SIGKILL", text: await printed }));
  return { child, said };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

async function withTwin<T>(folder: string, act: (control: ControlApi) => Promise<T>): Promise<T> {
  const config = await readConfig({ data: folder, log: "silent" });
  await using host = await openHost(config, { create: false, web: false, peers: false });
  return await act(host.control);
}

/** Names of the folders that a twin has. */
function foldersOf(folder: string): Promise<Set<string>> {
  return withTwin(folder, async (control) => {
    const found = new Set<string>();
    for (let after = ""; ;) {
      const params = { folder: "root", after, limit: PAGE };
      const { entries, next } = (await control.call("files", "list", params)).result as unknown as {
        readonly entries: readonly { readonly name: string }[];
        readonly next: string | null;
      };
      for (const { name } of entries) found.add(name);
      if (next === null) return found;
      after = next;
    }
  });
}

/** That of an export. */
function rootOf(folder: string, target: string): Promise<string> {
  return withTwin(folder, async (control) => (await control.exportTo(target)).root);
}
