// From a record or an invite to a stream: which addresses to try, in which order, how long.

import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TwinRecord } from "../phonebook/phonebook.ts";
import type { Sighting } from "./sightings.ts";

/**
 * A connection to whoever answers first at `addresses`, tried in their order; the one there is when
 * there is one. Throws `TWIN_PEER_OFFLINE`, or the signal's reason.
 */
export async function dial(
  node: Libp2p,
  addresses: readonly Multiaddr[],
  options: { readonly signal: AbortSignal; readonly log: Log },
): Promise<Connection> {
  const { signal, log } = options;
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.peers.dialTimeoutMs)]);
    return await node.dial([...addresses], { signal: deadline });
  } catch (error) {
    signal.throwIfAborted();
    const where = addresses.map((address) => withoutPeer(address)).join(", ");
    // Expected often and for long: not a cause that a log should show each time.
    log.debug({ err: error, where }, "A dial failed.");
    throw new TwinError("TWIN_PEER_OFFLINE", `Nobody answers at ${where}; is the other host running and reachable?`);
  }
}

/** A stream of `protocol` on a connection. Throws `TWIN_PEER_PROTOCOL` when the other end does not speak it. */
export async function openStream(connection: Connection, protocol: string): Promise<Stream> {
  try {
    return await connection.newStream(protocol, { signal: AbortSignal.timeout(LIMITS.peers.requestTimeoutMs) });
  } catch (cause) {
    throw new TwinError(
      "TWIN_PEER_PROTOCOL",
      `The other host does not speak ${protocol}; is it a twin host?`,
      {},
      cause,
    );
  }
}

/** Per host of a record its addresses, the one that worked last first. Hosts without one that we can read are left out. */
export function dialCandidates(record: TwinRecord, seen: Sighting | undefined): Multiaddr[][] {
  return record.hosts
    .map(({ peerId, multiaddrs }) => {
      const last = seen?.peerId === peerId && seen.address !== undefined ? [seen.address] : [];
      const texts = new Set([...last, ...multiaddrs].map((text) => `${cutPeer(text)}/p2p/${peerId}`));
      return [...texts].flatMap(parseMultiaddr);
    })
    .filter((addresses) => addresses.length > 0);
}

/** The address as text, without the PeerId at its end. */
export function withoutPeer(address: Multiaddr): string {
  return cutPeer(address.toString());
}

function cutPeer(text: string): string {
  return text.replace(/\/p2p\/[^/]+$/u, "");
}

/** None or one: a record may hold addresses of kinds that this host does not know. */
function parseMultiaddr(text: string): Multiaddr[] {
  try {
    return [multiaddr(text)];
  } catch {
    return [];
  }
}
