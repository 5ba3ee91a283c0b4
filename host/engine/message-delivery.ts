// Messages of other twins: each takes effect exactly once, in order per sender. The mark that a
// message was handled commits together with what it did, or with the reason why it never will.

import { type ErrorWire, TwinError, type TwinErrorCode } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { AdmittedCall } from "./admitted-call.ts";
import type { EngineCore } from "./engine-core.ts";
import type { Delivery, IncomingMessage } from "./engine.ts";
import { errorForPeer } from "./error-for-peer.ts";

/** Failures of this host, which say nothing about the message: the sender must try again. */
const OWN_FAILURES: ReadonlySet<TwinErrorCode> = new Set([
  "TWIN_HOST_INTERNAL",
  "TWIN_HOST_FOLDER",
  "TWIN_STATE_BROKEN",
]);

/**
 * Handles one message. Resolves when its delivery is durable. Rejects, without a trace, for what may
 * pass: a deadline, a disk that is full, an error of the host.
 */
export async function deliverMessage(core: EngineCore, message: IncomingMessage, queueMs: number): Promise<Delivery> {
  checkMessage(core, message);
  const { from, sequence, circles } = message;
  const { known, mark } = core.inbox.look(from, sequence);
  if (known !== undefined) return core.whenDurable(() => known);
  const refuse = async (error: ErrorWire): Promise<Delivery> => {
    // Who is in no circle has no more than a refusal to be remembered for.
    if (circles.length === 0 && !core.inbox.hasRoomFor(from)) throw tooManySenders();
    await core.commit([mark(error)]);
    return { status: "refused", error };
  };
  let admitted: AdmittedCall;
  try {
    admitted = admitMessage(core, message, queueMs);
  } catch (thrown) {
    if (isRefusal(thrown)) return refuse(errorForPeer(thrown));
    throw thrown;
  }
  const { error } = await core.complete(admitted, {
    succeeded: () => [mark()],
    failed: (error) => (isRefusal(error) ? [mark(errorForPeer(error))] : []),
  });
  if (error === undefined) return { status: "done" };
  if (isRefusal(error)) return { status: "refused", error: errorForPeer(error) };
  throw error;
}

function admitMessage(core: EngineCore, message: IncomingMessage, queueMs: number): AdmittedCall {
  const { from, circles, capability, method, payload, trace } = message;
  const holder = { kind: "peer", twin: from, circles } as const;
  const admitted = core.admit({ holder, capability, method, payload, trace }, queueMs);
  if (admitted.method.kind === "command") return admitted;
  throw new TwinError(
    "TWIN_CALL_UNKNOWN",
    `${capability}.${method} is a ${admitted.method.kind}; a message calls a command.`,
  );
}

function checkMessage(core: EngineCore, { from, sequence, payload }: IncomingMessage): void {
  if (from === core.twin) throw new TwinError("TWIN_INPUT_INVALID", "A twin sends no messages to itself.");
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw new TwinError("TWIN_INPUT_INVALID", "A message's sequence is a whole number from 1.");
  }
  if (payload.length > LIMITS.engine.payloadSizeBytes) {
    throw new TwinError("TWIN_LIMIT_EXCEEDED", `A payload has at most ${LIMITS.engine.payloadSizeBytes} bytes.`);
  }
}

function tooManySenders(): TwinError {
  return new TwinError("TWIN_CALL_QUEUE", "Too many strangers have sent messages here. Ask the owner to pair first.");
}

function isRefusal(thrown: unknown): thrown is TwinError {
  return thrown instanceof TwinError && !thrown.retry && !OWN_FAILURES.has(thrown.code);
}
