// The WebSocket of the chain worker: what a node may send is bounded, in one message and in all.

import { WebSocket } from "ws";

/** Limits of a connection to a node, in bytes. */
export interface SocketLimits {
  readonly messageSizeBytes: number;
  /** Of everything that arrives in the connection's life. */
  readonly trafficSizeBytes: number;
}

/** A WebSocket class that ends a connection which breaks the limits, and follows no redirect. */
export function boundedSocket({
  messageSizeBytes,
  trafficSizeBytes,
}: SocketLimits): new (address: string | URL) => WebSocket {
  return class BoundedSocket extends WebSocket {
    #left = trafficSizeBytes;

    constructor(address: string | URL) {
      super(address, { maxPayload: messageSizeBytes, perMessageDeflate: false, followRedirects: false });
      this.on("message", (data: Buffer) => {
        this.#left -= data.length;
        if (this.#left < 0) this.terminate();
      });
    }
  };
}
