// From a record or an invite to a stream: which addresses to try, in which order, how long.

import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TwinRecord } from "../phonebook/phonebook.ts";
import { closeConnection } from "./idle-connections.ts";
import type { Sighting } from "./sightings.ts";

/** What libp2p says when a connection has as many streams as it may. */
const TOO_MANY = "TooManyOutboundProtocolStreamsError";

/** An address to try. */
export interface DialCandidate {
  /** Without a PeerId: two dials of one PeerId would wait for each other. */
  readonly address: Multiaddr;
  /** Who must answer there; absent when that is proven later. */
  readonly peerId?: string | undefined;
}

/** What dialling needs of the host. */
export interface DialParts {
  readonly node: Pick<Libp2p, "dial" | "getConnections">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A connection to whoever answers first: an address is tried when the one before it has failed or
 * was given a fair start. The connection there is already to one of the candidates is taken as it is.
 * Throws `TWIN_PEER_OFFLINE`, or the signal's reason.
 */
export async function dial(
  candidates: readonly DialCandidate[],
  parts: DialParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<Connection> {
  const known = parts.node.getConnections().find((connection) => isOf(connection, candidates));
  if (known !== undefined) return known;
  const race = new AbortController();
  const stop = AbortSignal.any([signal, race.signal, AbortSignal.timeout(LIMITS.peers.dialTimeoutMs)]);
  let before: Promise<unknown> = Promise.resolve();
  const attempts = candidates.map((candidate) => {
    const attempt = before.then(() => dialOne(candidate, parts, stop));
    const headStart = before.then(() => parts.clock.sleep(LIMITS.peers.dialStaggerMs, { signal: stop }));
    before = Promise.race([attempt, headStart]).catch(() => {});
    return attempt;
  });
  try {
    const winner = await Promise.any(attempts);
    for (const attempt of attempts)
      void attempt.then(
        (other) => other === winner || closeConnection(other),
        () => {},
      );
    return winner;
  } catch (error) {
    signal.throwIfAborted();
    const where = candidates.map(({ address }) => address.toString()).join(", ");
    // Expected often and for long: not a cause that a log should show each time.
    parts.log.debug({ err: error, where }, "A dial failed.");
    throw new TwinError("TWIN_PEER_OFFLINE", `Nobody answers at ${where}; is the other host running and reachable?`);
  } finally {
    race.abort();
  }
}

async function dialOne(
  { address, peerId }: DialCandidate,
  { node }: DialParts,
  stop: AbortSignal,
): Promise<Connection> {
  stop.throwIfAborted();
  const connection = await node.dial(address, { signal: stop });
  if (peerId === undefined || connection.remotePeer.toString() === peerId) return connection;
  closeConnection(connection);
  throw new TwinError("TWIN_PEER_IMPOSTOR", "Another host answers at this address.");
}

function isOf({ status, remotePeer }: Connection, candidates: readonly DialCandidate[]): boolean {
  return status === "open" && candidates.some(({ peerId }) => peerId === remotePeer.toString());
}

/** A stream of `protocol` on a connection. Throws `TWIN_PEER_PROTOCOL` when the other end does not speak it, `TWIN_PEER_OFFLINE` when it has gone, `TWIN_HOST_BUSY` when there are too many already, or the signal's reason. */
export async function openStream(
  connection: Connection,
  protocol: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Stream> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.peers.requestTimeoutMs)]);
  try {
    return await connection.newStream(protocol, { signal: deadline });
  } catch (cause) {
    signal.throwIfAborted();
    if (connection.status !== "open")
      throw new TwinError("TWIN_PEER_OFFLINE", "The other host ended the connection.", {}, cause);
    if (cause instanceof Error && cause.name === TOO_MANY)
      throw new TwinError("TWIN_HOST_BUSY", "Too many twins of the two hosts talk to each other already; try later.");
    throw new TwinError(
      "TWIN_PEER_PROTOCOL",
      `The other host does not speak ${protocol}; is it a twin host?`,
      {},
      cause,
    );
  }
}

/** All addresses of a record, the one that worked last first. Those that we cannot read are left out. */
export function dialCandidates(record: TwinRecord, seen: Sighting | undefined): DialCandidate[] {
  const last = record.hosts.filter(({ peerId }) => peerId === seen?.peerId);
  const hosts = [...last, ...record.hosts.filter((host) => !last.includes(host))];
  return hosts.flatMap(({ peerId, multiaddrs }) => {
    const first = seen?.peerId === peerId && seen.address !== undefined ? [seen.address] : [];
    const texts = new Set([...first, ...multiaddrs].map(cutPeer));
    return [...texts].flatMap((text) => parseMultiaddr(text).map((address) => ({ address, peerId })));
  });
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
