// The local socket: the command line's way to the running host of a data folder. Who may open the
// socket's file is the host's user, and thereby the owner.

import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { ControlTarget } from "../rpc/control-target.ts";
import { type FrameSession, openFrameSession } from "../rpc/frame-session.ts";
import { createSocketLink } from "./socket-link.ts";
import { answersAt, chooseSocketPath, findSocketPath, removeSocketPath } from "./socket-path.ts";

/** What the server needs of the host. */
export interface ControlServerOptions {
  /** The data folder. Only its host may open the server: hold the folder's lock. */
  readonly folder: string;
  readonly log: Log;
  /** A target for each connection; what `release` frees ends with it. */
  readonly serve: () => { readonly target: ControlTarget; readonly release?: (() => void) | undefined };
}

/** Disposing it ends all connections and removes the socket. */
export interface ControlServer extends AsyncDisposable {
  readonly path: string;
}

/** Listens. A stale socket file is replaced; throws `TWIN_HOST_BUSY` when a host answers at it. */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  if (await answersAt(await findSocketPath(options.folder)))
    throw new TwinError("TWIN_HOST_BUSY", "Another host is running on this data folder: stop it first.");
  const path = await chooseSocketPath(options.folder);
  await rm(path, { force: true });
  const sessions = new Set<FrameSession<undefined>>();
  const server = createServer({ allowHalfOpen: false }, (socket) => void converse(socket, options, sessions));
  server.maxConnections = LIMITS.control.connectionCount;
  await listen(server, path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session[Symbol.dispose]();
      await closed;
      await removeSocketPath(options.folder, path);
    },
  };
}

async function converse(
  socket: Socket,
  options: ControlServerOptions,
  sessions: Set<FrameSession<undefined>>,
): Promise<void> {
  const { target, release } = options.serve();
  const session = openFrameSession<undefined>({
    link: createSocketLink(socket),
    target,
    log: options.log,
    frameSizeBytes: LIMITS.control.frameSizeBytes,
  });
  sessions.add(session);
  await session.ended;
  sessions.delete(session);
  release?.();
  socket.destroySoon();
}

async function listen(server: Server, path: string): Promise<void> {
  // Nobody else may connect in the moment between bind and chmod. The bind is synchronous, and the
  // mask leaves our own rights alone, so that what other threads create meanwhile is unharmed.
  const mask = process.umask(0o077);
  server.listen(path);
  process.umask(mask);
  await once(server, "listening").catch((cause: unknown) => {
    throw new TwinError("TWIN_HOST_FOLDER", `The local socket ${path} cannot be made.`, {}, cause);
  });
  await chmod(path, 0o600);
}
