// Listening sockets. On the loopback both addresses are taken, so that no other program of the
// machine can answer the browser in our place (browsers try ::1 first for `localhost`).

import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { Duplex } from "node:stream";

import { TwinError } from "../base/errors.ts";

const PORT_ATTEMPTS = 10;
const HEADERS_TIMEOUT_MS = 10_000;
/** A machine without IPv6 has no `::1`. */
const NO_SUCH_ADDRESS = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** What listens. Disposing it ends every connection at once. */
export interface Listener extends AsyncDisposable {
  readonly port: number;
}

/** Handlers of a server. */
export interface Handlers {
  readonly request: RequestListener;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** What is no HTTP, or has headers without an end. */
  readonly clientError: (error: Error, socket: Duplex) => void;
}

/** Listens on `address` ("localhost": on both loopback addresses) and `port` (0: any free one). `handlers` gets the port first. Throws `TWIN_HOST_PORT`. */
export async function openListener(
  where: { readonly address: string; readonly port: number },
  handlers: (port: number) => Promise<Handlers>,
): Promise<Listener> {
  const servers = await bindAll(where);
  const { port } = servers[0]!.server.address() as { port: number };
  try {
    const { request, upgrade, clientError } = await handlers(port);
    for (const { server } of servers)
      server.on("request", request).on("upgrade", upgrade).on("clientError", clientError);
  } catch (reason) {
    await closeAll(servers);
    throw reason;
  }
  return { port, [Symbol.asyncDispose]: () => closeAll(servers) };
}

/** A server and what is connected to it. */
interface BoundServer {
  readonly server: Server;
  readonly sockets: ReadonlySet<IncomingMessage["socket"]>;
}

/** Servers that listen but do not answer yet: one, or two on the loopback. Throws `TWIN_HOST_PORT`. */
export async function bindAll(where: { readonly address: string; readonly port: number }): Promise<BoundServer[]> {
  const isLoopback = where.address === "localhost";
  const first = isLoopback ? "127.0.0.1" : where.address;
  for (let attempt = 1; ; attempt++) {
    const server = await bind(first, where.port).catch((cause: unknown) => {
      throw refused(where, cause);
    });
    if (!isLoopback) return [server];
    const { port } = server.server.address() as { port: number };
    try {
      return [server, await bind("::1", port)];
    } catch (cause) {
      if (NO_SUCH_ADDRESS.has((cause as NodeJS.ErrnoException).code ?? "")) return [server];
      await closeAll([server]);
      // With port 0 the second address may have that port taken by chance: another one is as good.
      if (where.port !== 0 || attempt === PORT_ATTEMPTS) throw refused(where, cause);
    }
  }
}

async function bind(address: string, port: number): Promise<BoundServer> {
  // Uploads take as long as they take; only their headers are hurried.
  const server = createServer({ requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS });
  const sockets = new Set<IncomingMessage["socket"]>();
  server.on("connection", (socket: IncomingMessage["socket"]) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen({ host: address, port, ipv6Only: address.includes(":") && address !== "::" });
  await once(server, "listening");
  return { server, sockets };
}

/** Ends the servers and every connection of theirs. */
export async function closeAll(servers: readonly BoundServer[]): Promise<void> {
  await Promise.all(
    servers.map(async ({ server, sockets }) => {
      const closed = once(server, "close");
      server.close();
      // The server's own list misses those whose request was answered before it was whole, now and then.
      for (const socket of sockets) socket.destroy();
      await closed;
    }),
  );
}

function refused(where: { readonly address: string; readonly port: number }, cause: unknown): TwinError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const why =
    code === "EADDRINUSE"
      ? "another program uses it: stop that program, or choose another port with --port"
      : code === "EACCES"
        ? "this user may not: choose a port above 1023 with --port"
        : `the system says ${code}`;
  return new TwinError("TWIN_HOST_PORT", `Cannot listen on port ${where.port} of ${where.address}: ${why}.`, {}, cause);
}
