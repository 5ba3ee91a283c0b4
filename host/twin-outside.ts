// What the tasks of the twin reach: servers at once, other twins as soon as there is a network.

import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { Outside, PeerRequest } from "./engine/outside.ts";
import { isTwinId } from "./identity/twin-id.ts";
import { createHttpDoor } from "./outside/http-door.ts";
import type { Peers } from "./peers/peers.ts";

/** The outside of one twin. */
export class TwinOutside implements Outside {
  readonly fetch: Outside["fetch"] = createHttpDoor();
  readonly #join: () => Promise<void>;
  #peers: Pick<Peers, "ask"> | undefined;

  /** `join` is asked to have it connected, when a task calls another twin before it is. */
  constructor(join: () => Promise<void> = () => Promise.resolve()) {
    this.#join = join;
  }

  /** From now on other twins can be called. */
  connect(peers: Pick<Peers, "ask">): void {
    this.#peers = peers;
  }

  /** The network is there no more, for now. */
  disconnect(): void {
    this.#peers = undefined;
  }

  /** As {@link Outside} says; `TWIN_PEER_OFFLINE` where there is no network. */
  async callPeer(
    { peer, ...call }: PeerRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#peers === undefined) await this.#join();
    if (this.#peers === undefined) throw new TwinError("TWIN_PEER_OFFLINE", "This host has no network open.");
    if (!isTwinId(peer)) throw new TwinError("TWIN_PEER_UNKNOWN", "This is no twin's id.");
    const answer: unknown = await this.#peers.ask(peer, (host) => host.call(call), options);
    if (answer instanceof Uint8Array && answer.length <= LIMITS.engine.payloadSizeBytes) return new Uint8Array(answer);
    throw new TwinError("TWIN_PEER_PROTOCOL", "The other host answered a call with something that is no answer.");
  }
}
