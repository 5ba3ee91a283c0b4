// A host that hands out whatever record it likes.

import { RpcTarget } from "capnweb";

class RecordTarget extends RpcTarget {
  readonly #record: Uint8Array;
  readonly #onAsked: () => void;

  constructor(record: Uint8Array, onAsked: () => void) {
    super();
    this.#record = record;
    this.#onAsked = onAsked;
  }

  async record(): Promise<Uint8Array> {
    this.#onAsked();
    return this.#record;
  }
}

/** A target whose `record` answers `record` and tells that it was asked. */
export function createRecordTarget(record: Uint8Array, onAsked: () => void): RpcTarget {
  return new RecordTarget(record, onAsked);
}
