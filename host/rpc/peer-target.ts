// What the host of another twin reaches: the far end of deliveries. It trusts nothing but the twin
// id that the connection has proven.

import { RpcTarget } from "capnweb";
import { LIMITS } from "../base/limits.ts";
import type { Delivery, Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { PeerApi } from "./api.ts";
import { checkBytes, checkInteger, checkRecord, checkText } from "./arguments.ts";

/** What a {@link PeerTarget} is made of. */
export interface PeerTargetParts {
  /** Proven by the connection. */
  readonly twin: TwinId;
  readonly engine: Pick<Engine, "deliver">;
  /** The circles that this twin's owner put the other one in; asked for each message, so that a change counts at once. */
  circlesOf(twin: TwinId): Promise<readonly string[]>;
  /** The newest signed record of this twin. */
  ownRecord(): Promise<Uint8Array>;
}

/** {@link PeerApi} for one connection. */
export class PeerTarget extends RpcTarget implements PeerApi {
  readonly #parts: PeerTargetParts;

  constructor(parts: PeerTargetParts) {
    super();
    this.#parts = parts;
  }

  async deliver(message: {
    readonly sequence: number;
    readonly capability: string;
    readonly method: string;
    readonly payload: Uint8Array;
  }): Promise<Delivery> {
    const parts = this.#parts;
    const { sequence, capability, method, payload } = checkRecord(message, "message");
    const checked = {
      sequence: checkInteger(sequence, "message.sequence", { min: 1, max: Number.MAX_SAFE_INTEGER }),
      capability: checkText(capability, "message.capability", { max: 64 }),
      method: checkText(method, "message.method", { max: 64 }),
      // A copy: what capnweb gives may be a piece of a shared pool.
      payload: new Uint8Array(checkBytes(payload, "message.payload", LIMITS.engine.payloadSizeBytes)),
    };
    return parts.engine.deliver({ from: parts.twin, circles: await parts.circlesOf(parts.twin), ...checked });
  }

  async record(): Promise<Uint8Array> {
    return this.#parts.ownRecord();
  }
}
