// How a command reaches its twin: through the local socket of the running host, or by opening the
// data folder itself when no host runs.

import { dataFolder, readConfig } from "../config.ts";
import { connectHost } from "../connect.ts";
import type { ControlApi } from "../index.ts";

/** Options that every command takes. */
export interface SessionOptions {
  readonly data?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Runs `work` with the owner's authority over the twin of `options.data`. `peers` when the work needs the network even if no host runs. */
export async function withOwner<T>(
  options: SessionOptions,
  work: (owner: ControlApi) => Promise<T>,
  parts: { readonly peers: boolean } = { peers: false },
): Promise<T> {
  await using running = await connectHost(dataFolder(options));
  if (running !== undefined) return await work(running.control);
  const config = await readConfig({ data: options.data });
  const { openHost } = await import("../host.ts");
  await using host = await openHost(config, { create: false, web: false, peers: parts.peers });
  return await work(host.control);
}
