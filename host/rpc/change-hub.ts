// Hints that something the owner looks at has changed. Who hears one asks again for the truth.

import type { Change } from "./api.ts";

/** Spreads hints among the parts of one host. */
export interface ChangeHub {
  /** Tells all listeners. Never throws for one of them. */
  announce(what: Change): void;
  /** Returns a function that ends the listening. */
  listen(listener: (what: Change) => void): () => void;
}

/** A hub without listeners. Listeners are called at once, in order of arrival, and must not throw. */
export function createChangeHub(): ChangeHub {
  const listeners = new Set<(what: Change) => void>();
  return {
    announce: (what) => {
      for (const listener of listeners) listener(what);
    },
    listen: (listener) => {
      // A wrapper, so that the same function may listen twice and end each time on its own.
      const entry = (what: Change): void => listener(what);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}
