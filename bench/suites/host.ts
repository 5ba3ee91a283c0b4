// A whole host as a process: how long until it answers, and what it needs while nothing happens; and
// what many twins of a host need.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectHost } from "../../host/connect.ts";
import { HostProcess } from "../../test/support/host-process.ts";
import type { Case } from "../measure.ts";
import { secondsOf } from "../samplers.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import { MANY_TWINS_CASES, openManyTwinsCases } from "./host/many-twins.ts";

const ROUNDS_MAX = { full: 7, quick: 3 } as const;
/** After this a host that has started has done what it does after a start, the worker that stands ready included. */
const SETTLE_MS = 3_000;
const run = promisify(execFile);

/** Opens the suite `host`. */
export async function openHostSuite({ facts, quick, wants }: SuiteContext): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const cases: Case[] = [];
  const roundsMax = quick ? ROUNDS_MAX.quick : ROUNDS_MAX.full;
  if (wants("start")) {
    const host = stack.use(await HostProcess.create());
    await host.start();
    Object.assign(facts, await emptyNodeFact());
    cases.push(startCase(host, roundsMax));
  }
  if (wants("memory-idle")) {
    const host = stack.use(await HostProcess.create());
    await startAndCall(host);
    await sleep(SETTLE_MS);
    cases.push(memoryCase(host, roundsMax));
  }
  if (MANY_TWINS_CASES.some(wants)) cases.push(...(await openManyTwinsCases(stack, { facts, quick, wants })));
  const owned = stack.move();
  return { cases, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function startCase(host: HostProcess, roundsMax: number): Case {
  const sample = async (): Promise<number> => {
    await host.stop();
    return await secondsOf(() => startAndCall(host));
  };
  const ours = { name: "twin start", kind: "js", version: "ours", sample } as const;
  return { suite: "host", name: "start", roundsMax, ours, others: [] };
}

/** What cannot be had for less. */
async function emptyNodeFact(): Promise<Record<string, string>> {
  const seconds = await secondsOf(() => run(process.execPath, ["--eval", "0"]));
  return { "host: start of node with an empty script": `${(seconds * 1_000).toFixed(0)} ms` };
}

function memoryCase(host: HostProcess, roundsMax: number): Case {
  return {
    suite: "host",
    name: "memory-idle",
    roundsMax,
    ours: { name: "twin start", kind: "js", version: "ours", sample: () => residentBytes(host.pid!) },
    others: [],
  };
}

/** Starts the host and returns when it has answered a call. */
async function startAndCall(host: HostProcess): Promise<void> {
  const { folder } = await host.start();
  await using connection = await connectHost(folder);
  if (connection === undefined) throw new Error(`The host in ${folder} does not answer.`);
  await connection.control.call("echo", "echo", { text: "hello" });
}

/** Resident memory of another process, as Linux or `ps` tells it. */
async function residentBytes(pid: number): Promise<number> {
  if (process.platform === "linux") {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return pages * 4_096;
  }
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout) * 1_024;
}
