// How many streams of a connection may lead to nobody that their twin knows. Each holds a window of what
// was not read yet, and whoever connects opens as many as it likes.

import { LIMITS } from "../base/limits.ts";

/** Counts, per connection, the streams of the other side behind which nobody is known, or not yet. */
export class StrangerStreams {
  readonly #counts = new Map<string, number>();

  /** Counts one more stream of the connection, until the returned function is called; undefined when there are too many already. */
  enter(connection: string): (() => void) | undefined {
    const count = this.#counts.get(connection) ?? 0;
    if (count >= LIMITS.peers.strangerStreamsPerConnection) return undefined;
    this.#counts.set(connection, count + 1);
    let counted = true;
    return () => {
      if (counted) this.#leave(connection);
      counted = false;
    };
  }

  #leave(connection: string): void {
    const count = this.#counts.get(connection)! - 1;
    if (count === 0) this.#counts.delete(connection);
    else this.#counts.set(connection, count);
  }
}
