// When and where each contact was last seen, in a table: for its owner to read, and as the first
// address to try.

import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";

const NAMESPACE = "$sightings";

/** One contact, the last time. */
export interface Sighting {
  readonly atMs: number;
  /** PeerId of its host. */
  readonly peerId: string;
  /** The address at which we reached it; absent when it has only reached us. */
  readonly address?: string | undefined;
}

/** The last sighting of each contact: read once, kept in memory, durable soon after it changes. */
export class Sightings {
  readonly #table: Pick<Engine, "readTable" | "writeTable">;
  readonly #last = new Map<string, Sighting>();

  constructor(table: Pick<Engine, "readTable" | "writeTable">) {
    this.#table = table;
  }

  /** Reads the table. */
  async load(): Promise<void> {
    const limit = LIMITS.state.scanCount;
    for (const { key, value } of await this.#table.readTable({ namespace: NAMESPACE, start: new Uint8Array(), limit }))
      this.#last.set(utf8Decode(key), jsonDecode(value) as Sighting);
  }

  /** The last one, or undefined when that twin was never seen. */
  of(twin: TwinId): Sighting | undefined {
    return this.#last.get(twin);
  }

  /** Takes a newer sighting; an address of the same host is kept when the new one has none. */
  async note(twin: TwinId, sighting: Sighting): Promise<void> {
    const known = this.#last.get(twin);
    const address = sighting.address ?? (known?.peerId === sighting.peerId ? known.address : undefined);
    const next = { ...sighting, address };
    this.#last.set(twin, next);
    await this.#table.writeTable([{ namespace: NAMESPACE, key: utf8Encode(twin), value: jsonEncode(next) }]);
  }
}
