// What the host of another twin reaches: the far end of deliveries. It trusts nothing but the twin
// id that the connection has proven.

import { RpcTarget } from "capnweb";
import { errorFromWire, toTwinError, type TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Delivery, Engine } from "../engine/engine.ts";
import { errorForPeer } from "../engine/error-for-peer.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { BatchAnswer, MessageBatch, PeerApi, PeerCall } from "./api.ts";
import { checkBytes, checkRecord, checkText, checkTrace } from "./arguments.ts";
import { checkHash, type OfferShelf, type PackagePart, type Taker } from "../packages/offer-shelf.ts";
import type { PackageOffer } from "../packages/offer.ts";
import { PACKAGE_SIZE_MAX } from "../packages/package-file.ts";
import { checkInteger } from "./arguments.ts";
import { answerBatch, type BatchedMessage, unpackBatch } from "./message-batch.ts";

/** What a {@link PeerTarget} is made of. */
export interface PeerTargetParts {
  /** Proven by the connection. */
  readonly twin: TwinId;
  readonly engine: Pick<Engine, "call" | "deliver">;
  /** The circles that this twin's owner put the other one in; asked for each batch, so that a change counts at once. */
  circlesOf(twin: TwinId): Promise<readonly string[]>;
  /** The newest signed record of this twin. */
  ownRecord(): Promise<Uint8Array>;
  /** The packages of this twin that others may take. */
  readonly offers: Pick<OfferShelf, "offersFor" | "readPart">;
}

/** {@link PeerApi} for one connection. */
export class PeerTarget extends RpcTarget implements PeerApi, Disposable {
  readonly #parts: PeerTargetParts;
  readonly #ended = new AbortController();
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

  /** The connection has ended: nobody waits for what it called. */
  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async call(call: PeerCall): Promise<Uint8Array> {
    const { engine, twin } = this.#parts;
    const given = checkRecord(call, "call");
    const request = {
      capability: checkText(given["capability"], "call.capability", { max: 64 }),
      method: checkText(given["method"], "call.method", { max: 64 }),
      // A copy: what capnweb gives may be a piece of a shared pool.
      payload: new Uint8Array(checkBytes(given["payload"], "call.payload", LIMITS.engine.payloadSizeBytes)),
      trace: checkTrace(given["trace"], "call.trace"),
    };
    const holder = { kind: "peer", twin, circles: await this.#parts.circlesOf(twin) } as const;
    try {
      const { payload } = await engine.call({ holder, ...request }, { signal: this.#ended.signal });
      return payload;
    } catch (thrown) {
      throw errorFromWire(errorForPeer(toTwinError(thrown)));
    }
  }

  async record(): Promise<Uint8Array> {
    return this.#parts.ownRecord();
  }

  async offers(): Promise<readonly PackageOffer[]> {
    return this.#parts.offers.offersFor(await this.#taker());
  }

  async packagePart(hash: string, offset: number): Promise<PackagePart> {
    const wanted = checkHash(hash);
    const from = checkInteger(offset, "offset", { min: 0, max: PACKAGE_SIZE_MAX });
    return this.#parts.offers.readPart(await this.#taker(), wanted, from);
  }

  async #taker(): Promise<Taker> {
    const { twin } = this.#parts;
    return { twin, circles: await this.#parts.circlesOf(twin) };
  }

  async #handOver(messages: readonly BatchedMessage[]): Promise<Promise<Delivery | TwinError>[]> {
    const { engine, twin: from } = this.#parts;
    const circles = await this.#parts.circlesOf(from);
    return messages.map((message) => engine.deliver({ from, circles, ...message }).catch(toTwinError));
  }
}
