// The TFChain phonebook of a host, which all of its twins share: a chain link, and a door through which
// records are fetched. Nothing is started before somebody looks for a twin that no contact of it knows.

import { systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import { createHttpDoor, type HttpDoor } from "./outside/http-door.ts";
import { type ChainLink, createChainLink } from "./phonebook/chain-link.ts";
import { recordPath } from "./phonebook/relay-name.ts";
import { createTfchainPhonebook, type FetchRecord, type TfchainPhonebook } from "./phonebook/tfchain-phonebook.ts";

/** A host's way to the chain. */
export interface Tfchain {
  /** Of the node. */
  readonly url: string;
  readonly link: ChainLink;
  readonly phonebook: TfchainPhonebook;
  readonly fetchRecord: FetchRecord;
}

/** The chain of the node at `url`; undefined without one. It ends with `stack`. */
export function openTfchain(
  stack: AsyncDisposableStack,
  { url, log }: { readonly url: string | undefined; readonly log: Log },
): Tfchain | undefined {
  if (url === undefined) return undefined;
  const link = stack.use(createChainLink({ url, clock: systemClock, log }));
  const fetchRecord = createRecordFetch(createHttpDoor({ answerSizeBytes: LIMITS.phonebook.recordSizeBytes }));
  return { url, link, fetchRecord, phonebook: createTfchainPhonebook({ link, fetchRecord, clock: systemClock }) };
}

/** Fetches records over HTTPS through `door`; a redirect may lead to the same name only. */
export function createRecordFetch(door: HttpDoor): FetchRecord {
  return async (name, twin, { signal = new AbortController().signal }) => {
    const url = `https://${name}${recordPath(twin)}`;
    const headers = { accept: "application/cbor" };
    const request = { url, method: "GET", headers, body: new Uint8Array(), places: [name] };
    const { status, body } = await door(request, { signal });
    if (status === 200) return body;
    if (status === 404 || status === 410) return undefined;
    throw new TwinError("TWIN_FETCH_FAILED", `${name} answers ${status} when it is asked for a twin's record.`);
  };
}
