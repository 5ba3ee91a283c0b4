// The one libp2p node of a host, shared by all of its twins: a stream goes to the twin that it is for.

import type { Connection, Libp2p, PrivateKey, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { hexEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { Lanes } from "../kernels/lanes.ts";
import { createGate, type Gate } from "../vault/gate.ts";
import { type DialCandidate, openStream } from "./dialer.ts";
import { type Frames, FrameStream } from "./frame-stream.ts";
import { closeConnection, closeIdleConnections, isUsed } from "./idle-connections.ts";
import { twinHash } from "./invite-code.ts";
import { createNode, startNode } from "./libp2p-node.ts";
import { createLocalFrames } from "./local-frames.ts";
import { type PeerStream, receiveWanted, sendAbsent, sendWanted } from "./peer-stream.ts";
import { PAIR_PROTOCOL } from "./pairing.ts";
import { RPC_PROTOCOL, withinDeadline } from "./peer-session.ts";
import { SHARDS_PROTOCOL } from "./shard-wire.ts";
import { SharedDials } from "./shared-dials.ts";
import { StrangerStreams } from "./stranger-streams.ts";
import { PROOF_FRAME_SIZE_BYTES } from "./twin-proof.ts";

/** Every protocol that a host speaks. */
const PROTOCOLS = [RPC_PROTOCOL, PAIR_PROTOCOL, SHARDS_PROTOCOL] as const;
/** One of them. */
export type PeerProtocol = (typeof PROTOCOLS)[number];

/** For who is known anyway. */
const NOTHING = (): void => {};

/** A twin of this host, as far as its node is concerned. */
interface LocalTwin {
  readonly twin: TwinId;
  /** Takes over a stream that another host has opened for the twin. Rejects when the other side breaks the protocol. */
  accept(protocol: PeerProtocol, stream: PeerStream): Promise<void>;
}

/** What a node needs of its host. */
export interface PeerNodeParts {
  readonly hostKey: PrivateKey;
  /** Multiaddrs to listen on. Use the same port at every start: contacts look for this host there first. */
  readonly listen: readonly string[];
  /** What connections are sealed with. */
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly log: Log;
  /** Has a twin of this host join that has not yet: the one of that hash of its id, in hex. Does nothing when there is none. */
  readonly wake?: ((wanted: string) => Promise<void>) | undefined;
}

/** A listening node. Disposing it ends all connections. */
export interface PeerNode extends AsyncDisposable {
  /** PeerId of this host. */
  readonly localPeer: string;
  /** Under which it listens, each with its PeerId. */
  multiaddrs(): Multiaddr[];
  /** From now on streams for the twin go to it. Returns a function that ends it. */
  join(twin: LocalTwin): () => void;
  /**
   * What `use` makes of a stream for the twin of that hash, at whichever of the candidates answers first;
   * when it fails, of one at another host among them. Throws `TWIN_PEER_*`, the signal's reason or what `use` throws.
   */
  reach<Made>(
    protocol: PeerProtocol,
    wanted: Uint8Array,
    where: DialTarget,
    use: (stream: PeerStream) => Promise<Made>,
  ): Promise<Made>;
}

/** Where to look for a twin. */
interface DialTarget {
  readonly candidates: readonly DialCandidate[];
  readonly signal: AbortSignal;
}

/** Starts listening. Throws `TWIN_HOST_PORT`. */
export async function openPeerNode(parts: PeerNodeParts): Promise<PeerNode> {
  const node = new OpenNode(await createNode(parts.hostKey, parts.listen, parts.lanes), parts);
  try {
    await node.start();
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
  return node;
}

class OpenNode implements PeerNode {
  readonly localPeer: string;
  readonly #node: Libp2p;
  readonly #parts: PeerNodeParts;
  readonly #twins = new Map<string, LocalTwin>();
  readonly #stop = new AbortController();
  readonly #dials: SharedDials;
  readonly #strangers = new StrangerStreams();
  /** Through which streams are opened, one for each connection. */
  readonly #gates = new WeakMap<Connection, Gate>();

  constructor(node: Libp2p, parts: PeerNodeParts) {
    this.#node = node;
    this.#parts = parts;
    this.#dials = new SharedDials({ node, clock: parts.clock, log: parts.log }, this.#stop.signal);
    this.localPeer = node.peerId.toString();
  }

  async start(): Promise<void> {
    const { streamsPerConnection, strangerStreamsPerConnection } = LIMITS.peers;
    for (const protocol of PROTOCOLS) {
      // Who pairs is not known yet, and done in a moment.
      const most = protocol === PAIR_PROTOCOL ? strangerStreamsPerConnection : streamsPerConnection;
      await this.#node.handle(protocol, (stream, connection) => this.#onStream(protocol, stream, connection), {
        maxInboundStreams: most,
        maxOutboundStreams: most,
      });
    }
    void closeIdleConnections(this.#node, PROTOCOLS, { clock: this.#parts.clock, signal: this.#stop.signal });
    await startNode(this.#node, this.#parts.listen);
  }

  multiaddrs(): Multiaddr[] {
    return this.#node.getMultiaddrs();
  }

  join(twin: LocalTwin): () => void {
    const name = hexEncode(twinHash(twin.twin));
    this.#twins.set(name, twin);
    return () => {
      if (this.#twins.get(name) === twin) this.#twins.delete(name);
    };
  }

  async reach<Made>(
    protocol: PeerProtocol,
    wanted: Uint8Array,
    { candidates, signal }: DialTarget,
    use: (stream: PeerStream) => Promise<Made>,
  ): Promise<Made> {
    const local = await this.#find(hexEncode(wanted));
    if (local !== undefined) return use(this.#openLocal(protocol, local));
    for (let left = candidates; ;) {
      const connection = await this.#dials.connect(left, signal);
      const gate = this.#gates.getOrInsertComputed(connection, () => createGate(LIMITS.peers.streamsOpening));
      try {
        return await gate(async () => {
          const stream = await openStream(connection, protocol, { signal });
          const frames = new FrameStream(stream, PROOF_FRAME_SIZE_BYTES);
          await sendWanted(frames, wanted);
          return await unlessAborted(signal, frames, () =>
            use({ frames, ...endsOf(connection), outbound: true, vouch: NOTHING }),
          );
        });
      } catch (thrown) {
        // It may live at another host of its record.
        const tried = connection.remotePeer.toString();
        left = left.filter(({ peerId }) => peerId !== undefined && peerId !== tried);
        if (left.length === 0) throw thrown;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#node.stop();
  }

  /** Two twins of this host: there is no connection between them, and nobody to find by an address. */
  #openLocal(protocol: PeerProtocol, twin: LocalTwin): PeerStream {
    const [mine, theirs] = createLocalFrames(PROOF_FRAME_SIZE_BYTES);
    const ends = { peerId: this.localPeer, address: "", vouch: NOTHING };
    twin.accept(protocol, { frames: theirs, ...ends, outbound: false }).catch((thrown: unknown) => {
      const { code, message } = toTwinError(thrown);
      this.#parts.log.debug({ code }, message);
    });
    return { frames: mine, ...ends, outbound: true };
  }

  async #onStream(protocol: PeerProtocol, stream: Stream, connection: Connection): Promise<void> {
    const leave = this.#strangers.enter(connection.id);
    if (leave === undefined) return stream.abort(tooManyStrangers());
    stream.addEventListener("close", leave);
    const frames = new FrameStream(stream, PROOF_FRAME_SIZE_BYTES);
    try {
      const twin = await this.#wantedTwin(frames);
      if (twin === undefined) await sendAbsent(frames);
      else await twin.accept(protocol, { frames, ...endsOf(connection), outbound: false, vouch: leave });
    } catch (thrown) {
      const { code, message, cause } = toTwinError(thrown);
      const fields = { code, address: connection.remoteAddr.toString() };
      this.#parts.log.warn(cause === undefined ? fields : { ...fields, err: cause }, message);
      if (!isUsed(connection, PROTOCOLS)) closeConnection(connection);
    }
  }

  #wantedTwin(frames: Frames): Promise<LocalTwin | undefined> {
    return withinDeadline(frames, async () => this.#find(await receiveWanted(frames)));
  }

  async #find(name: string): Promise<LocalTwin | undefined> {
    if (!this.#twins.has(name)) await this.#parts.wake?.(name);
    return this.#twins.get(name);
  }
}

/** Runs `use`, and ends what it waits for when `signal` aborts before it is done. */
async function unlessAborted<Made>(signal: AbortSignal, frames: Frames, use: () => Promise<Made>): Promise<Made> {
  signal.throwIfAborted();
  const stop = (): void => frames.abort(new TwinError("TWIN_ABORTED", "The other host is not asked any more."));
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await use();
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function tooManyStrangers(): TwinError {
  return new TwinError(
    "TWIN_LIMIT_EXCEEDED",
    "Too many streams of this connection lead to nobody that is known here; close some first.",
  );
}

function endsOf(connection: Connection): Pick<PeerStream, "peerId" | "address"> {
  return { peerId: connection.remotePeer.toString(), address: connection.remoteAddr.toString() };
}
