// The port to the world outside of the twin, for tasks: what a worker asks of the main thread, where
// the network lives.

import { TwinError } from "../base/errors.ts";

/** An HTTP request of a task. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where it may go, redirects included, as the manifest names places (packages/http-place.ts). */
  readonly places: readonly string[];
}

/** What the server said, after redirects. */
export interface HttpAnswer {
  /** Of the last request. */
  readonly url: string;
  readonly status: number;
  /** By lower-case name; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A call of a method of another twin, which decides by its own grants. */
export interface PeerRequest {
  /** Id of the other twin. */
  readonly peer: string;
  readonly capability: string;
  readonly method: string;
  /** UTF-8 JSON. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** `traceparent` of the task. */
  readonly trace: string;
}

/** The outside, as the tasks of one twin reach it. */
export interface Outside {
  /**
   * Rejects with `TWIN_FETCH_DENIED` when the request or one of its redirects leads out of its places or
   * to a private address, with `TWIN_FETCH_FAILED` when there is no answer, or none that fits the limits.
   */
  fetch(request: HttpRequest, options: { readonly signal: AbortSignal }): Promise<HttpAnswer>;
  /** The answer's payload, UTF-8 JSON. Rejects with what the other twin answered, or `TWIN_PEER_*`; then it may have taken effect there. */
  callPeer(request: PeerRequest, options: { readonly signal: AbortSignal }): Promise<Uint8Array<ArrayBuffer>>;
}

/** Nothing can be reached. */
export const NO_OUTSIDE: Outside = {
  fetch: () => Promise.reject(new TwinError("TWIN_FETCH_FAILED", "This host sends no requests to the outside.")),
  callPeer: () => Promise.reject(new TwinError("TWIN_PEER_OFFLINE", "This host has no network open.")),
};
