// The way to a host that runs in another process. Apart from `host.ts`, so that a command that only
// talks to a running host does not load one.

import { type ControlConnection, connectControl } from "./control/control-client.ts";

/** A connection to a host in another process. */
export type HostConnection = ControlConnection;

/** Connects to the host that runs on the data folder, to its other twin of the name `as` if that is given; undefined when none runs. */
export function connectHost(folder: string, as?: string): Promise<HostConnection | undefined> {
  return connectControl(folder, as);
}
