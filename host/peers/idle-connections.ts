// Connections that nobody uses are closed: whoever opens them and stays silent must not use up the
// places of others.

import type { Connection, Libp2p } from "@libp2p/interface";
import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";

/** Closes, until `signal` aborts, what was without a stream of `protocols` for one to two idle times. Never rejects. */
export async function closeIdleConnections(
  node: Libp2p,
  protocols: readonly string[],
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, signal } = options;
  let idleBefore = new Set<string>();
  for (;;) {
    try {
      await clock.sleep(LIMITS.peers.idleConnectionMs, { signal });
    } catch {
      return;
    }
    const idle = node.getConnections().filter((connection) => !isUsed(connection, protocols));
    for (const connection of idle) if (idleBefore.has(connection.id)) closeConnection(connection);
    idleBefore = new Set(idle.map(({ id }) => id));
  }
}

/** Whether a stream of one of `protocols` is open on it. */
export function isUsed(connection: Connection, protocols: readonly string[]): boolean {
  return connection.streams.some(({ protocol, status }) => status === "open" && protocols.includes(protocol));
}

/** Closes it, whatever its state. */
export function closeConnection(connection: Connection): void {
  connection.close({ signal: AbortSignal.timeout(LIMITS.peers.requestTimeoutMs) }).catch((error: Error) => {
    connection.abort(error);
  });
}
