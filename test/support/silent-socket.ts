// A WebSocket client by hand (RFC 6455), which answers no ping and no close: a browser that is asleep.

import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";

const TEXT = 0x81;

/** One end that only speaks when told. */
export interface SilentSocket extends Disposable {
  send(text: string): void;
  /** The next text message. */
  next(): Promise<string>;
  /** Reads on, without an answer, until the server has cut the connection. */
  untilCut(): Promise<void>;
}

/** Connects to `path` at `localhost:port` as a page of `origin`. */
export async function openSilentSocket(port: number, path: string, origin: string): Promise<SilentSocket> {
  const upgrade = request({
    host: "127.0.0.1",
    port,
    path,
    headers: {
      host: `localhost:${port}`,
      origin,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    },
  });
  upgrade.end();
  const [, socket, head] = (await once(upgrade, "upgrade")) as [unknown, Socket, Buffer];
  const texts = readTexts(socket, head);
  return {
    untilCut: async () => {
      while ((await texts.next().catch(() => undefined))?.done === false);
    },
    send: (text) => void socket.write(maskedText(text)),
    next: async () => String((await texts.next()).value),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** A text frame with a mask of zeros, which leaves the bytes as they are. */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  const size = Buffer.alloc(3);
  size[0] = 0x80 | 126;
  size.writeUInt16BE(payload.length, 1);
  return Buffer.concat([Buffer.of(TEXT), size, Buffer.alloc(4), payload]);
}

async function* readTexts(socket: Socket, head: Buffer): AsyncGenerator<string> {
  // What came with the upgrade's answer is read like the rest.
  socket.unshift(head);
  let bytes = Buffer.alloc(0);
  for await (const part of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, part]);
    for (let end = frameEnd(bytes); end !== undefined; end = frameEnd(bytes)) {
      if (bytes[0] === TEXT) yield bytes.subarray(payloadStart(bytes), end).toString();
      bytes = bytes.subarray(end);
    }
  }
}

function payloadStart(bytes: Buffer): number {
  return bytes[1] === 126 ? 4 : 2;
}

/** Servers do not mask, and what we read is below 64 KiB. */
function frameEnd(bytes: Buffer): number | undefined {
  if (bytes.length < 4) return bytes.length === 2 && bytes[1] === 0 ? 2 : undefined;
  const size = bytes[1] === 126 ? bytes.readUInt16BE(2) : bytes[1]!;
  const end = payloadStart(bytes) + size;
  return end <= bytes.length ? end : undefined;
}
