// The local socket as a link of frames.

import { once } from "node:events";
import type { Socket } from "node:net";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";
import { encodeFrame, FrameSplitter } from "./frame-splitter.ts";

/** A link over `socket`, which it owns from now on. It reads only what is asked for: a flood waits in the kernel's buffer. */
export function createSocketLink(socket: Socket): FrameLink {
  const frames = readFrames(socket);
  // `receive` tells the end; without a listener a late error would end the process.
  socket.on("error", () => {});
  /** Frames of one turn leave by one call of the system. */
  const gather = (): void => {
    if (socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(() => socket.uncork());
  };
  return {
    send: async (frame) => {
      if (socket.destroyed) return;
      gather();
      if (socket.write(encodeFrame(frame))) return;
      await Promise.race([once(socket, "drain"), once(socket, "close")]);
    },
    receive: async () => {
      const next = await frames.next().catch((cause: unknown) => {
        throw cause instanceof TwinError ? cause : closed(cause);
      });
      if (next.done === true) throw closed();
      return next.value;
    },
    // What was sent so far still leaves; a peer that does not read it cannot hold the socket.
    close: () => socket.destroySoon(),
  };
}

/** The other side is gone; whether it said goodbye or was killed makes no difference. */
function closed(cause?: unknown): TwinError {
  return new TwinError("TWIN_ABORTED", "The local socket was closed by the other side.", {}, cause);
}

async function* readFrames(socket: Socket): AsyncGenerator<Uint8Array, void> {
  const splitter = new FrameSplitter(LIMITS.control.frameSizeBytes);
  for await (const part of socket as AsyncIterable<Uint8Array>) {
    splitter.push(part);
    for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) yield frame;
  }
}
