// The one thing that the web tells strangers: the signed record of a twin whose owner has announced a name
// for it (docs/formats/twin-record.md). It is answered at every host name, as that name is of a proxy in front.

import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { isTwinId, type TwinId } from "../identity/twin-id.ts";
import type { Handlers } from "./listen.ts";

const PATH = /^\/\.well-known\/twin-record\/(z6Mk[1-9A-HJ-NP-Za-km-z]{44})$/u;

/** A short while, so that a host that has moved is found again soon. */
const HEADERS = {
  "Cache-Control": "public, max-age=60",
  "Content-Security-Policy": "default-src 'none'; sandbox",
  "X-Content-Type-Options": "nosniff",
};

/** `handlers`, which get everything but requests for records; with no `servedRecord`, these too. */
export function withRecords(
  handlers: Handlers,
  servedRecord: ((twin: TwinId) => Promise<Uint8Array | undefined>) | undefined,
  log: Log,
): Handlers {
  if (servedRecord === undefined) return handlers;
  return {
    ...handlers,
    request: (request, response) => {
      const id = `did:key:${PATH.exec(request.url ?? "")?.[1]}`;
      if (!isTwinId(id) || (request.method !== "GET" && request.method !== "HEAD"))
        return handlers.request(request, response);
      const answer = async (): Promise<void> => {
        const record = await servedRecord(id);
        if (record === undefined) {
          const error = new TwinError("TWIN_PATH_UNKNOWN", "No record of this twin is served here.");
          response.writeHead(error.status, { ...HEADERS, "Content-Type": "application/json; charset=utf-8" });
          response.end(JSON.stringify(error.toWire()));
          return;
        }
        response.writeHead(200, { ...HEADERS, "Content-Type": "application/cbor", "Content-Length": record.length });
        response.end(request.method === "HEAD" ? undefined : record);
      };
      answer().catch((thrown: unknown) => {
        log.error({ err: thrown }, "A twin's record could not be served.");
        response.destroy();
      });
    },
  };
}
