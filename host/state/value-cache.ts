// Opened values that were read lately, of what the tables and no newer row say: who is read often is
// neither looked up nor unsealed each time.

import { LIMITS } from "../base/limits.ts";
import { orderOf } from "./overlay.ts";
import type { StateKey } from "./state-store.ts";

/** The largest part of the cache that one value may fill. */
const VALUE_SHARE = 1 / 16;

/**
 * Values of one twin, within `LIMITS.state.valueCacheSizeBytes`. Two generations: what is read again
 * moves to the young one, and when that is half of all, the old one is forgotten.
 */
export class ValueCache {
  #young = new Map<string, Uint8Array>();
  #old = new Map<string, Uint8Array>();
  #youngSizeBytes = 0;

  /** The remembered value, not a copy. */
  get(at: StateKey): Uint8Array | undefined {
    const name = nameOf(at);
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old === undefined) return undefined;
    this.#old.delete(name);
    this.#add(name, old);
    return old;
  }

  /** Remembers what the tables say. Keeps `value`, which nobody may change. */
  put(at: StateKey, value: Uint8Array): void {
    if (value.length <= LIMITS.state.valueCacheSizeBytes * VALUE_SHARE) this.#add(nameOf(at), value);
  }

  /** A newer row begins: what the tables said is not true for long. */
  forget(at: StateKey): void {
    const name = nameOf(at);
    this.#old.delete(name);
    const value = this.#young.get(name);
    if (value === undefined) return;
    this.#young.delete(name);
    this.#youngSizeBytes -= sizeOf(name, value);
  }

  #add(name: string, value: Uint8Array): void {
    this.#young.set(name, value);
    this.#youngSizeBytes += sizeOf(name, value);
    if (this.#youngSizeBytes <= LIMITS.state.valueCacheSizeBytes / 2) return;
    [this.#old, this.#young, this.#youngSizeBytes] = [this.#young, new Map(), 0];
  }
}

function nameOf({ namespace, key }: StateKey): string {
  return `${namespace}\0${orderOf(key)}`;
}

function sizeOf(name: string, value: Uint8Array): number {
  return name.length + value.length;
}
