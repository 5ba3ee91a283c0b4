// How tasks in an engine worker reach the outside: they ask the main thread over a port of their own.
// An ask ends with its answer, with its task, or with the worker.

import type { MessagePort } from "node:worker_threads";
import { type ErrorWire, errorFromWire, TwinError, toTwinError } from "../base/errors.ts";
import type { HttpAnswer, HttpRequest, Outside, PeerRequest } from "./outside.ts";

type Ask =
  | { readonly name: "fetch"; readonly request: HttpRequest }
  | { readonly name: "callPeer"; readonly request: PeerRequest };

/** From the worker. A drop says that nobody waits for the answer any more. */
type ToOutside = { readonly id: number; readonly slot: number; readonly ask: Ask } | { readonly drop: number };

type FromOutside =
  | { readonly id: number; readonly answer: HttpAnswer | Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: ErrorWire };

/** The worker's end. */
export interface OutsideLink {
  /** The outside as the twin in that slot reaches it. */
  of(slot: number): Outside;
}

/** Opens the worker's end of `port`, which is its own from then on. */
export function openOutsideLink(port: MessagePort): OutsideLink {
  const waiting = new Map<number, PromiseWithResolvers<HttpAnswer | Uint8Array<ArrayBuffer>>>();
  let last = 0;
  port.on("message", (message: FromOutside) => {
    const settle = waiting.get(message.id);
    if ("error" in message) settle?.reject(errorFromWire(message.error));
    else settle?.resolve(message.answer);
  });
  const ask = async (slot: number, what: Ask, signal: AbortSignal): Promise<HttpAnswer | Uint8Array<ArrayBuffer>> => {
    const id = ++last;
    const settle = Promise.withResolvers<HttpAnswer | Uint8Array<ArrayBuffer>>();
    const drop = (): void => {
      port.postMessage({ drop: id } satisfies ToOutside);
      settle.reject(aborted());
    };
    if (signal.aborted) throw aborted();
    waiting.set(id, settle);
    signal.addEventListener("abort", drop, { once: true });
    port.postMessage({ id, slot, ask: what } satisfies ToOutside);
    try {
      return await settle.promise;
    } finally {
      signal.removeEventListener("abort", drop);
      waiting.delete(id);
    }
  };
  return {
    of: (slot) => ({
      fetch: async (request, { signal }) => (await ask(slot, { name: "fetch", request }, signal)) as HttpAnswer,
      callPeer: async (request, { signal }) =>
        (await ask(slot, { name: "callPeer", request }, signal)) as Uint8Array<ArrayBuffer>,
    }),
  };
}

/** Answers the asks of one worker by `outsideOf` the twin that asks. Ends all of them when the port closes, as it does when the worker dies. */
export function serveOutside(port: MessagePort, outsideOf: (slot: number) => Outside): void {
  const running = new Map<number, AbortController>();
  port.on("message", (message: ToOutside) => {
    if ("drop" in message) return running.get(message.drop)?.abort();
    const { id, slot, ask } = message;
    const controller = new AbortController();
    running.set(id, controller);
    const { signal } = controller;
    const outside = outsideOf(slot);
    const answering =
      ask.name === "fetch" ? outside.fetch(ask.request, { signal }) : outside.callPeer(ask.request, { signal });
    void answering
      .then(
        (answer): FromOutside => ({ id, answer }),
        (thrown: unknown): FromOutside => ({ id, error: toTwinError(thrown).toWire() }),
      )
      .then((answer) => port.postMessage(answer))
      .finally(() => running.delete(id));
  });
  port.on("close", () => {
    for (const controller of running.values()) controller.abort();
  });
  // It must not keep the process alive: its worker does that.
  port.unref();
}

function aborted(): TwinError {
  return new TwinError("TWIN_ABORTED", "Nobody waits for this answer any more.");
}
