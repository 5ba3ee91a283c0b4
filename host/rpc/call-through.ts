// One call from a connection to the engine: arguments checked, JSON to bytes and back.

import { jsonDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Engine } from "../engine/engine.ts";
import type { Holder } from "../grants/grant.ts";
import type { CallOutcome, Json } from "./api.ts";
import { checkCallOptions, checkJson, checkText } from "./arguments.ts";

/** The arguments of `call` as the other side sent them. */
export interface CallArguments {
  readonly capability: unknown;
  readonly method: unknown;
  readonly params: unknown;
  readonly options: unknown;
  /** Aborts when the connection has ended. */
  readonly signal: AbortSignal;
}

/** Calls with the authority of `holder`, which the connection has proven; whether it may is the engine's decision. */
export async function callThrough(
  engine: Pick<Engine, "call">,
  holder: Holder,
  given: CallArguments,
): Promise<CallOutcome> {
  const { callId, fuel, timeoutMs, traceparent: trace } = checkCallOptions(given.options);
  const capability = checkText(given.capability, "capability", { max: 64 });
  const method = checkText(given.method, "method", { max: 64 });
  const payload = jsonEncode(checkJson(given.params, "params"));
  if (payload.length > LIMITS.engine.payloadSizeBytes) {
    throw new TwinError(
      "TWIN_LIMIT_EXCEEDED",
      `The parameters have ${payload.length} bytes; a call takes at most ${LIMITS.engine.payloadSizeBytes}. Put large content into the vault and pass its id.`,
      { sizeBytes: payload.length, sizeBytesMax: LIMITS.engine.payloadSizeBytes },
    );
  }
  const request = { holder, capability, method, payload, callId, trace, budget: { fuel, timeoutMs } };
  const answer = await engine.call(request, { signal: given.signal });
  return { result: jsonDecode(answer.payload) as Json, receipt: answer.receipt };
}
