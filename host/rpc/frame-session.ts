// One object-capability session over a link of frames: the same for browsers' sockets, the local
// socket and other twins' hosts. Bounded, scrubbed, and over when its link is.

import { type RpcCompatible, RpcSession, type RpcStub, type RpcTarget } from "capnweb";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { CallGate, guardTarget } from "./call-gate.ts";
import { type FrameLink, FrameTransport } from "./frame-transport.ts";
import { restoreError, scrubError } from "./remote-error.ts";

/** A live session. Disposing it ends it: calls in flight reject, the link closes. */
export interface FrameSession<Remote extends RpcCompatible<Remote>> extends Disposable {
  /** The other side's main object. Await each call through {@link remoteAnswer}, which makes its errors ours. */
  readonly remote: RpcStub<Remote>;
  /** Resolves with the reason when the session is over, whoever ended it. Never rejects. */
  readonly ended: Promise<TwinError>;
}

/**
 * Starts a session at once: no message is needed to begin, and calls may be made right away.
 *
 * How to use it: write a {@link FrameLink} for the transport (for a WebSocket one text message is
 * one frame, so that a browser's `newWebSocketRpcSession` is the other end), and give the class
 * that implements your interface as `target`. Only its methods are reachable; each must check its
 * arguments. A `TwinError` that it throws reaches the caller with code, message and details; any
 * other error is logged here and reaches the caller as `TWIN_HOST_INTERNAL`.
 *
 * While `callsInFlight` calls run, further frames wait in the link. Calls that we make on stubs of
 * the other side must be awaited or disposed, else both sides keep their answers.
 */
export function openFrameSession<Remote extends RpcCompatible<Remote>>(options: {
  readonly link: FrameLink;
  /** What the other side may call; absent: nothing. */
  readonly target?: RpcTarget | undefined;
  readonly log: Log;
  /** Default `LIMITS.rpc.frameSizeBytes`. */
  readonly frameSizeBytes?: number | undefined;
  /** Default `LIMITS.rpc.callsInFlight`. */
  readonly callsInFlight?: number | undefined;
}): FrameSession<Remote> {
  const { link, target, log } = options;
  const gate = new CallGate(options.callsInFlight ?? LIMITS.rpc.callsInFlight);
  const transport = new FrameTransport(link, {
    gate,
    frameSizeBytes: options.frameSizeBytes ?? LIMITS.rpc.frameSizeBytes,
  });
  const session = new RpcSession<Remote>(transport, target === undefined ? undefined : guardTarget(target, gate), {
    onSendError: (error) => scrubError(error, log),
    limits: { maxMessageSize: options.frameSizeBytes ?? LIMITS.rpc.frameSizeBytes, maxDepth: LIMITS.rpc.messageDepth },
  });
  const remote = session.getRemoteMain();
  const ended = Promise.withResolvers<TwinError>();
  remote.onRpcBroken((reason: unknown) => ended.resolve(restoreError(reason)));
  const end = (): void => {
    ended.resolve(new TwinError("TWIN_ABORTED", "The session was ended on this side."));
    remote[Symbol.dispose]();
  };
  return { remote, ended: ended.promise, [Symbol.dispose]: end };
}

/**
 * The answer of a remote call, or its error as a `TwinError`: the other side's, the link's, or
 * `TWIN_TIMEOUT` and `TWIN_ABORTED` when `signal` ends the wait. The call itself may still take
 * effect after that.
 */
export async function remoteAnswer<Call extends PromiseLike<unknown> & Disposable>(
  call: Call,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Awaited<Call>> {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => {
    stopped.reject(abortError(signal?.reason));
    call[Symbol.dispose]();
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([call, stopped.promise]);
  } catch (thrown) {
    throw restoreError(thrown);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function abortError(reason: unknown): TwinError {
  if (reason instanceof TwinError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError")
    return new TwinError("TWIN_TIMEOUT", "The other side did not answer in time; it may still carry out the call.");
  return new TwinError("TWIN_ABORTED", "The wait for the other side's answer was ended.");
}
