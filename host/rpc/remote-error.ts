// Errors at the edge of a process: what leaves is scrubbed to the parts of ErrorWire, what arrives
// becomes a TwinError again. Stacks, causes and foreign messages never cross.

import { errorFromWire, toTwinError, TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** What capnweb sends in place of `error`. A bug of ours goes to the log, and nothing of it to the other side. */
export function scrubError(error: unknown, log: Log): Error {
  const known = toTwinError(error);
  if (known.code === "TWIN_HOST_INTERNAL")
    log.error({ err: known.cause ?? known }, "A remote call met an error of our own.");
  const { code, message, details } = known.toWire();
  const scrubbed = Object.assign(new Error(message), { code, details });
  delete scrubbed.stack;
  return scrubbed;
}

/** The {@link TwinError} of whatever a remote call rejected with. */
export function restoreError(thrown: unknown): TwinError {
  return thrown instanceof TwinError ? thrown : errorFromWire(thrown);
}
