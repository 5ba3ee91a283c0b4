// A host that takes connections and says nothing: whoever dials it waits for as long as it lets itself.

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A listening socket on loopback. */
export interface SilentHost extends AsyncDisposable {
  /** As a multiaddr. */
  readonly address: string;
  /** All that are connected. */
  readonly sockets: ReadonlySet<Socket>;
}

/** Listens on a free port. */
export async function openSilentHost(): Promise<SilentHost> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
