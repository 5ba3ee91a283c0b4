// How a site answers what went wrong: the wire form of the error, with its status.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { toTwinError, TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** Answers every error and every unknown path of `app` as JSON. A bug of ours goes to the log, not to the client. */
export function answerErrors(app: FastifyInstance, log?: Log): void {
  app.setNotFoundHandler(() => {
    throw new TwinError("TWIN_PATH_UNKNOWN", "Nothing is at this path.");
  });
  app.setErrorHandler(async (thrown: FastifyError | TwinError, request, reply) => {
    const error = asTwinError(thrown);
    if (error.code === "TWIN_HOST_INTERNAL")
      log?.error({ err: error.cause ?? error }, "A request met an error of our own.");
    // An upload that was refused is not read to its end.
    if (!request.raw.complete) reply.header("Connection", "close");
    await reply.code(error.status).type("application/json; charset=utf-8").send(error.toWire());
  });
}

/** Answers what has no route because its path cannot be decoded: the `frameworkErrors` of an instance. */
export function answerBadUrl(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const error = new TwinError("TWIN_INPUT_INVALID", "The path is not valid percent-encoding.");
  void reply.code(error.status).type("application/json; charset=utf-8").send(error.toWire());
}

/** Fastify's own errors about a request (its size, its type, its syntax) are the client's to mend. */
function asTwinError(thrown: FastifyError | TwinError): TwinError {
  if (thrown instanceof TwinError) return thrown;
  const { statusCode = 500 } = thrown;
  if (statusCode === 413) return new TwinError("TWIN_LIMIT_EXCEEDED", "The request is too large.", {}, thrown);
  if (statusCode >= 400 && statusCode < 500)
    return new TwinError("TWIN_INPUT_INVALID", "The request is malformed.", {}, thrown);
  return toTwinError(thrown);
}
