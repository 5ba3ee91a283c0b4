// A state store in memory: the model that the real one is compared with.

import { compareBytes, hexEncode } from "../../host/base/bytes.ts";
import { LIMITS } from "../../host/base/limits.ts";
import type { StateEntry, StateKey, StateStore } from "../../host/state/state-store.ts";

/** An empty store whose commits live as long as it does. */
export function createMemoryStateStore(): StateStore {
  const tables = new Map<string, Map<string, StateEntry>>();
  const table = (namespace: string): Map<string, StateEntry> => tables.getOrInsertComputed(namespace, () => new Map());
  return {
    get: (at) => {
      check(at);
      return table(at.namespace).get(hexEncode(at.key))?.value.slice();
    },
    scan: ({ namespace, start, end, limit, reverse }) => {
      const entries = [...table(namespace).values()]
        .filter(({ key }) => compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0))
        .toSorted((left, right) => compareBytes(left.key, right.key) * (reverse === true ? -1 : 1));
      return entries.slice(0, limit).map(({ key, value }) => ({ key: key.slice(), value: value.slice() }));
    },
    sizeBytes: (namespace) =>
      [...table(namespace).values()].reduce((size, { key, value }) => size + key.length + value.length, 0),
    commit: async (writes) => {
      for (const write of writes) check(write);
      for (const { namespace, key, value } of writes) {
        if (value === undefined) table(namespace).delete(hexEncode(key));
        else table(namespace).set(hexEncode(key), { key: key.slice(), value: value.slice() });
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function check({ namespace, key }: StateKey): void {
  if (namespace === "" || namespace.length > LIMITS.state.namespaceLength) throw new RangeError("namespace");
  if (key.length === 0 || key.length > LIMITS.state.keySizeBytes) throw new RangeError("key");
}
