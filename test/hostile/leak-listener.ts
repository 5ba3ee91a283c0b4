// Listens on TCP and UDP and remembers everything that arrives: for a hostile experience any of it is a leak.

import { createSocket } from "node:dgram";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Listens on loopback, on ports of its own. */
export interface LeakListener extends AsyncDisposable {
  readonly tcpPort: number;
  readonly udpPort: number;
  /** What arrived since the last call: `METHOD /path` of requests, `tcp` of connections that said nothing in HTTP, `udp` of datagrams. */
  takeHits(): string[];
}

/** Starts listening. */
export async function openLeakListener(): Promise<LeakListener> {
  const hits: string[] = [];
  const spoke = new WeakSet<object>();
  const server = createServer((request, response) => {
    spoke.add(request.socket);
    hits.push(`${request.method} ${request.url}`);
    // As welcoming as a server can be: what is not fetched was stopped in the browser.
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "*");
    response.end("ok");
  });
  server.on("connection", (socket) => {
    socket.on("close", () => spoke.has(socket) || hits.push("tcp"));
  });
  server.on("upgrade", (request, socket) => {
    spoke.add(request.socket);
    hits.push(`UPGRADE ${request.url}`);
    socket.destroy();
  });
  server.on("clientError", (_, socket) => socket.destroy());
  await listening(server);
  const udp = createSocket("udp4");
  udp.on("message", () => hits.push("udp"));
  await new Promise<void>((resolve) => {
    udp.bind(0, "127.0.0.1", resolve);
  });
  return {
    tcpPort: (server.address() as AddressInfo).port,
    udpPort: udp.address().port,
    takeHits: () => hits.splice(0),
    [Symbol.asyncDispose]: async () => {
      udp.close();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
}
