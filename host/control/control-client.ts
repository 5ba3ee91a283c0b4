// The other end of the local socket: the owner's authority over a running host, as plain async functions.

import { once } from "node:events";
import { connect } from "node:net";

import { LIMITS } from "../base/limits.ts";
import { silentLog } from "../base/log.ts";
import type { ControlApi } from "../rpc/api.ts";
import { openFrameSession, remoteAnswer } from "../rpc/frame-session.ts";
import { createSocketLink } from "./socket-link.ts";
import { findSocketPath } from "./socket-path.ts";

/** A connection to a running host. Disposing it ends it and what it had subscribed to. */
export interface ControlConnection extends AsyncDisposable {
  /** Rejects with `TwinError` only. */
  readonly control: ControlApi;
}

/** Connects to the host that runs on the data folder, to the twin of that name if one is given; undefined when none does. */
export async function connectControl(folder: string, as?: string): Promise<ControlConnection | undefined> {
  const socket = connect(await findSocketPath(folder));
  try {
    await once(socket, "connect");
  } catch {
    return undefined;
  }
  const session = openFrameSession({
    link: createSocketLink(socket),
    log: silentLog,
    frameSizeBytes: LIMITS.control.frameSizeBytes,
  });
  return {
    // What is asked of it goes with the question for it, in one message; its error answers all.
    control: facade(as === undefined ? session.remote : ask(session.remote, "as", [as])),
    [Symbol.asyncDispose]: async () => {
      const closed = socket.closed ? undefined : once(socket, "close");
      session[Symbol.dispose]();
      await closed;
    },
  };
}

/** Methods of the remote main object whose answers and errors are ours. Not a thenable, so that it can be returned from an async function. */
function facade(remote: object): ControlApi {
  const call = (name: string, args: readonly unknown[]): Promise<unknown> => remoteAnswer(ask(remote, name, args));
  return new Proxy(Object.create(null) as ControlApi, {
    get: (_target, name) =>
      typeof name === "symbol" || name === "then" ? undefined : (...args: readonly unknown[]) => call(name, args),
  });
}

function ask(remote: object, name: string, args: readonly unknown[]): PromiseLike<unknown> & Disposable {
  const method = Reflect.get(remote, name) as (...args: readonly unknown[]) => PromiseLike<unknown> & Disposable;
  return method(...args);
}
