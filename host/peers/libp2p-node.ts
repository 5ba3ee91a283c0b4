// The only file that chooses transports, encryption and multiplexing.

import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import type { Libp2p, PrivateKey } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Lanes } from "../kernels/lanes.ts";
import { createNoiseCrypto } from "./noise-crypto.ts";

/** Below the streams' own read buffers (4 MiB), so that a paused stream is never reset by an honest sender. */
const STREAM_WINDOW_SIZE_BYTES = 1024 * 1024;
/** Of each side of a connection: two protocols with a stream per pair of twins, and those that last for a moment. */
const STREAM_COUNT = 2 * LIMITS.peers.streamsPerConnection + LIMITS.peers.strangerStreamsPerConnection;

/**
 * A node that listens on `listen` (multiaddrs as text; port 0 for any; empty to only dial) once
 * {@link startNode} is called: register protocols before that, or who connects at once finds none. Connections
 * are sealed through `lanes`; without them as libp2p does by itself, which the other side cannot tell.
 */
export function createNode(hostKey: PrivateKey, listen: readonly string[], lanes?: Lanes): Promise<Libp2p> {
  return createLibp2p({
    start: false,
    privateKey: hostKey,
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise(lanes === undefined ? {} : { crypto: createNoiseCrypto(lanes) })],
    streamMuxers: [
      yamux({
        maxInboundStreams: STREAM_COUNT,
        maxOutboundStreams: STREAM_COUNT,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_SIZE_BYTES },
      }),
    ],
    connectionManager: {
      maxConnections: LIMITS.peers.connectionCount,
      inboundConnectionThreshold: LIMITS.peers.inboundConnectionsPerSecond,
      maxIncomingPendingConnections: LIMITS.peers.inboundConnectionsPerSecond,
      inboundUpgradeTimeout: LIMITS.peers.requestTimeoutMs,
      maxParallelDials: LIMITS.peers.dialCount,
      maxPeerAddrsToDial: LIMITS.phonebook.multiaddrCount * LIMITS.phonebook.hostCount,
      dialTimeout: LIMITS.peers.dialTimeoutMs,
      addressDialTimeout: LIMITS.peers.addressDialTimeoutMs,
      reconnectRetries: 0,
    },
  });
}

/** Starts the node. Throws `TWIN_HOST_PORT` when it cannot listen where it was told to. Stop it with `stop()`. */
export async function startNode(node: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await node.start();
  } catch (cause) {
    throw new TwinError(
      "TWIN_HOST_PORT",
      `The host cannot listen for other twins on ${listen.join(", ")}; is the port taken? Choose another one.`,
      {},
      cause,
    );
  }
}
