// What the host of another twin reaches: the far end of deliveries. It trusts nothing but the twin
// id that the connection has proven.

import { RpcTarget } from "capnweb";
import { toTwinError, type TwinError } from "../base/errors.ts";
import type { Delivery, Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { BatchAnswer, MessageBatch, PeerApi } from "./api.ts";
import { answerBatch, type BatchedMessage, unpackBatch } from "./message-batch.ts";

/** What a {@link PeerTarget} is made of. */
export interface PeerTargetParts {
  /** Proven by the connection. */
  readonly twin: TwinId;
  readonly engine: Pick<Engine, "deliver">;
  /** The circles that this twin's owner put the other one in; asked for each batch, so that a change counts at once. */
  circlesOf(twin: TwinId): Promise<readonly string[]>;
  /** The newest signed record of this twin. */
  ownRecord(): Promise<Uint8Array>;
}

/** {@link PeerApi} for one connection. */
export class PeerTarget extends RpcTarget implements PeerApi {
  readonly #parts: PeerTargetParts;
  /** When the batches so far are with the engine, which keeps their order from there on. */
  #handedOver: Promise<void> = Promise.resolve();

  constructor(parts: PeerTargetParts) {
    super();
    this.#parts = parts;
  }

  async deliver(batch: MessageBatch): Promise<BatchAnswer> {
    const messages = unpackBatch(batch);
    const before = this.#handedOver;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#handedOver = promise;
    let outcomes: Promise<Delivery | TwinError>[];
    try {
      await before;
      outcomes = await this.#handOver(messages);
    } finally {
      resolve();
    }
    return answerBatch(await Promise.all(outcomes));
  }

  async record(): Promise<Uint8Array> {
    return this.#parts.ownRecord();
  }

  async #handOver(messages: readonly BatchedMessage[]): Promise<Promise<Delivery | TwinError>[]> {
    const { engine, twin: from } = this.#parts;
    const circles = await this.#parts.circlesOf(from);
    return messages.map((message) => engine.deliver({ from, circles, ...message }).catch(toTwinError));
  }
}
