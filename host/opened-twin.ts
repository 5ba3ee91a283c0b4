// Another twin of a host with everything that it has, for as long as somebody uses it.

import type { Clock } from "./base/clock.ts";
import type { Owner } from "./create-owner.ts";
import type { Peers } from "./peers/peers.ts";
import type { TwinVault } from "./twin-vault.ts";
import { parseStoreLocation } from "./vault/store-location.ts";
import type { TwinWebParts } from "./web/twin-web.ts";

/** What an opened twin is made of. It owns `resources`. */
export interface OpenedTwinParts {
  readonly owner: Owner;
  readonly web: TwinWebParts;
  readonly stores: TwinVault["stores"];
  /** Absent where there is no network. */
  readonly peers?: Peers | undefined;
  readonly resources: AsyncDisposable;
  readonly clock: Clock;
}

/** Knows whether anybody uses it. Disposing it closes everything but the engine. */
export class OpenedTwin implements AsyncDisposable {
  readonly owner: Owner;
  readonly web: TwinWebParts;
  readonly #parts: OpenedTwinParts;
  #holds = 0;
  #lastUsedMs: number;

  constructor(parts: OpenedTwinParts) {
    this.#parts = parts;
    this.owner = parts.owner;
    this.web = { ...parts.web, hold: () => this.hold() };
    this.#lastUsedMs = parts.clock.elapsedMs();
  }

  /** Begins a use; the answer ends it, once. */
  hold(): () => void {
    this.#holds += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      this.touch();
    };
  }

  /** Somebody has asked for it, and may begin to use it soon. */
  touch(): void {
    this.#lastUsedMs = this.#parts.clock.elapsedMs();
  }

  /** For how long nobody has used it; 0 while somebody does. */
  idleMs(): number {
    if (this.#isInUse()) this.touch();
    return this.#parts.clock.elapsedMs() - this.#lastUsedMs;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#parts.resources[Symbol.asyncDispose]();
  }

  /** A vault whose stores are other twins can be looked after only while it is open. */
  #isInUse(): boolean {
    if (this.#holds > 0 || this.#parts.peers?.isInUse === true) return true;
    return this.#parts.stores.lines().some(({ location }) => parseStoreLocation(location).kind === "twin");
  }
}
