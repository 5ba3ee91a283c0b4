// A browser's WebSocket as a link of frames: one text message is one frame.

import type { WebSocket } from "@fastify/websocket";

import { utf8Decode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";

/** Close codes (docs/formats/web.md, section 4). */
export const CLOSE_CODES = {
  stopping: 1001,
  busy: 1013,
  malformed: 4400,
  unproven: 4401,
  notOpen: 4404,
  silent: 4408,
} as const;

/** Closes with a reason that the page shows: ASCII, cut to the 123 bytes that fit (RFC 6455, section 5.5). What still arrives is dropped. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason.slice(0, 120));
  // A paused socket would not read the other side's farewell.
  socket.resume();
}

/** A link over `socket`. While nothing is asked for, at most one message waits here and the rest in the kernel. */
export function createWebSocketLink(socket: WebSocket): FrameLink {
  const arrived: Uint8Array[] = [];
  let wanted: PromiseWithResolvers<Uint8Array> | undefined;
  const take = (data: Buffer, isBinary: boolean): void => {
    if (socket.readyState !== socket.OPEN) return;
    if (isBinary) {
      closeSocket(socket, CLOSE_CODES.malformed, "Messages are text.");
      return;
    }
    if (wanted === undefined) {
      arrived.push(data);
      socket.pause();
      return;
    }
    wanted.resolve(data);
    wanted = undefined;
  };
  // Without `binaryType` set, ws gives each message as one Buffer.
  socket.on("message", (data, isBinary) => take(data as Buffer, isBinary));
  socket.once("close", () => wanted?.reject(ended()));
  return {
    send: (frame) =>
      new Promise((resolve, reject) => {
        socket.send(utf8Decode(frame), (error) => (error ? reject(ended()) : resolve()));
      }),
    receive: async () => {
      const next = arrived.shift();
      if (next !== undefined) {
        if (arrived.length === 0) socket.resume();
        return next;
      }
      if (socket.readyState !== socket.OPEN) throw ended();
      wanted = Promise.withResolvers();
      return await wanted.promise;
    },
    close: (reason) =>
      closeSocket(socket, reason.code === "TWIN_ABORTED" ? 1000 : CLOSE_CODES.malformed, reason.message),
  };
}

function ended(): TwinError {
  return new TwinError("TWIN_ABORTED", "The browser closed the connection.");
}
