// HTTP requests of tasks. Names are looked up here and connections go to the very addresses that were
// checked, so that a name server cannot point a request at this machine or its network.

import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { type ClientRequest, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { concatBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { HttpAnswer, HttpRequest } from "../engine/outside.ts";
import { isAddress, isAllowedPlace } from "../packages/http-place.ts";
import { isPublicAddress } from "./public-address.ts";

/** All addresses of a name. */
export type ResolveName = (
  hostname: string,
  tell: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** What a door is made of. */
export interface HttpDoorParts {
  /** The machine's own when absent. */
  readonly resolve?: ResolveName | undefined;
  /** The longest answer; `LIMITS.outside.answerSizeBytes` when absent. */
  readonly answerSizeBytes?: number | undefined;
}

/** Sends one request, follows its redirects. */
export type HttpDoor = (request: HttpRequest, options: { readonly signal: AbortSignal }) => Promise<HttpAnswer>;

/** RFC 9110, 8.6: without a body they say no length. */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE"]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Of one site; they must not follow a redirect to another one. */
const SITE_HEADERS = new Set(["authorization", "cookie"]);

/** A door to the open internet. Rejects as `Outside.fetch` does. */
export function createHttpDoor(parts: HttpDoorParts = {}): HttpDoor {
  return async (request, { signal }) => {
    const deadline = AbortSignal.timeout(LIMITS.outside.fetchTimeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    let next = request;
    for (let hop = 0; hop <= LIMITS.outside.redirectCount; hop++) {
      const url = checkPlace(next);
      const answer = await send(url, next, { ...parts, signal: either });
      const location = REDIRECTS.has(answer.status) ? answer.headers["location"] : undefined;
      const target = location === undefined ? null : URL.parse(location, url.href);
      if (target === null) return answer;
      next = redirected(next, { from: url, to: target, status: answer.status });
    }
    throw failed(`The request was redirected more than ${LIMITS.outside.redirectCount} times.`);
  };
}

function checkPlace({ url, places }: HttpRequest): URL {
  const target = URL.parse(url);
  if (target !== null && isAllowedPlace(target, places)) return target;
  throw denied(`The request would go to ${target?.host ?? "nowhere"}, which the capability does not ask for.`);
}

/** RFC 9110, 15.4: a 303 is always fetched by GET, and a 301 or 302 of a POST too. */
function redirected(request: HttpRequest, hop: { from: URL; to: URL; status: number }): HttpRequest {
  const { from, to, status } = hop;
  const kept = Object.entries(request.headers).filter(([name]) => from.origin === to.origin || !SITE_HEADERS.has(name));
  const next = { ...request, url: to.href, headers: Object.fromEntries(kept) };
  const becomesGet = status === 303 || (request.method === "POST" && (status === 301 || status === 302));
  if (!becomesGet || request.method === "HEAD") return next;
  const headers = Object.fromEntries(kept.filter(([name]) => !name.startsWith("content-")));
  return { ...next, method: "GET", headers, body: new Uint8Array() };
}

async function send(
  url: URL,
  { method, headers, body }: HttpRequest,
  { resolve, answerSizeBytes, signal }: HttpDoorParts & { readonly signal: AbortSignal },
): Promise<HttpAnswer> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<HttpAnswer>();
  const length = body.length > 0 || !BODILESS.has(method) ? { "content-length": body.length } : {};
  const options: RequestOptions = {
    method,
    headers: { "user-agent": "twin", ...headers, "accept-encoding": "identity", ...length },
    // No connection is shared: what was checked is what this request uses.
    agent: false,
    lookup: checkedLookup(resolve ?? resolveBySystem),
    signal,
  };
  const request: ClientRequest = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options);
  request.on("response", (response) => {
    readAnswer(response, url, answerSizeBytes ?? LIMITS.outside.answerSizeBytes).then(settle, (thrown: unknown) => {
      request.destroy();
      reject(nameFailure(thrown as Error, signal));
    });
  });
  request.on("error", (error) => reject(nameFailure(error, signal)));
  request.end(body);
  return promise;
}

function resolveBySystem(hostname: string, tell: Parameters<ResolveName>[1]): void {
  systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) => tell(error, addresses ?? []));
}

/** Gives a connection only public addresses. What is an address itself, or this machine, the owner has allowed by that very name. */
function checkedLookup(resolve: ResolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const allowed = isAddress(hostname) ? addresses : addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) return callback(privateAddress(), "");
      if (options.all === true) callback(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };
}

async function readAnswer(response: IncomingMessage, url: URL, sizeBytesMax: number): Promise<HttpAnswer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    sizeBytes += part.length;
    if (sizeBytes > sizeBytesMax) throw failed(`The answer has more than ${sizeBytesMax} bytes.`);
    parts.push(part);
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(", ")] as const);
  const { statusCode = 0 } = response;
  return { url: url.href, status: statusCode, headers: Object.fromEntries(headers), body: concatBytes(...parts) };
}

function nameFailure(error: Error & { readonly code?: string }, signal: AbortSignal): TwinError {
  if (error instanceof TwinError) return error;
  if (!signal.aborted) return failed(`The server could not be reached (${error.code ?? "no reason"}).`);
  const isLate = (signal.reason as Error).name === "TimeoutError";
  if (isLate) return failed(`The server did not answer within ${LIMITS.outside.fetchTimeoutMs} ms.`);
  return new TwinError("TWIN_ABORTED", "Nobody waits for this request any more.");
}

function failed(why: string): TwinError {
  return new TwinError("TWIN_FETCH_FAILED", why);
}

function denied(why: string): TwinError {
  return new TwinError("TWIN_FETCH_DENIED", why);
}

function privateAddress(): TwinError {
  return denied("The name leads to a private address. A manifest can name such an address itself.");
}
