// The way to a host that runs in another process. Apart from `host.ts`, so that a command that only
// talks to a running host does not load one.

import { type ControlConnection, connectControl } from "./control/control-client.ts";

/** A connection to a host in another process. */
export type HostConnection = ControlConnection;

/** Connects to the host that runs on the data folder; undefined when none does. */
export function connectHost(folder: string): Promise<HostConnection | undefined> {
  return connectControl(folder);
}
