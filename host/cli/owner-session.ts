// How a command reaches its twin: through the local socket of the running host, or by opening the
// data folder itself when no host runs.

import { setTimeout } from "node:timers/promises";

import { systemClock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { dataFolder, readConfig } from "../config.ts";
import { connectHost } from "../connect.ts";
import type { ControlApi, Host } from "../index.ts";

/** Options that every command takes. */
export interface SessionOptions {
  readonly data?: string | undefined;
  readonly json?: boolean | undefined;
  /** Name of another twin of the host. */
  readonly as?: string | undefined;
}

/** A host that is just starting holds its folder before it answers: so long a command waits for it. */
const STARTING_MS = 30_000;
const RETRY_MS = 100;

/** Runs `work` with the owner's authority over the twin of `options.data`. `peers` when the work needs the network even if no host runs. */
export async function withOwner<T>(
  options: SessionOptions,
  work: (owner: ControlApi) => Promise<T>,
  parts: { readonly peers: boolean } = { peers: false },
): Promise<T> {
  const startedMs = systemClock.elapsedMs();
  for (;;) {
    await using reached = await reachOwner(options, parts, systemClock.elapsedMs() - startedMs > STARTING_MS);
    if (reached !== undefined) return await work(reached.control);
    await setTimeout(RETRY_MS);
  }
}

/** A running host, or one in this process; undefined when another process holds the folder and does not answer yet. */
async function reachOwner(
  options: SessionOptions,
  parts: { readonly peers: boolean },
  lastTry: boolean,
): Promise<(AsyncDisposable & { readonly control: ControlApi }) | undefined> {
  const running = await connectHost(dataFolder(options), options.as);
  if (running !== undefined) return running;
  const config = await readConfig({ data: options.data });
  const { openHost } = await import("../host.ts");
  try {
    const host = await openHost(config, { create: false, web: false, peers: parts.peers });
    return options.as === undefined ? host : await asOther(host, options.as);
  } catch (thrown) {
    if (!(thrown instanceof TwinError) || thrown.code !== "TWIN_HOST_BUSY") throw thrown;
    if (!lastTry) return undefined;
    const message = `A host runs on ${config.folder} and does not answer: it is still starting, or is very busy. Try again; its log says more.`;
    throw new TwinError("TWIN_HOST_BUSY", message, thrown.details, thrown);
  }
}

/** The host with the authority over its other twin of that name. */
async function asOther(host: Host, name: string): Promise<AsyncDisposable & { readonly control: ControlApi }> {
  await using stack = new AsyncDisposableStack();
  stack.use(host);
  const control = await host.control.as(name);
  const owned = stack.move();
  return { control, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
