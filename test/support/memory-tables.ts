// The host's small tables in memory, as the engine offers them.

import { compareBytes, hexEncode } from "../../host/base/bytes.ts";
import type { Engine } from "../../host/engine/engine.ts";

const name = (namespace: string, key: Uint8Array): string => `${namespace}/${hexEncode(key)}`;

/** `readTable` and `writeTable` over a map; a second one over the same `rows` sees what the first wrote, as after a restart. */
export function createMemoryTables(
  rows: Map<string, { key: Uint8Array; value: Uint8Array }> = new Map(),
): Pick<Engine, "readTable" | "writeTable"> {
  return {
    readTable: async ({ namespace, start, end, limit, reverse }) => {
      const found = [...rows]
        .filter(([id]) => id.startsWith(`${namespace}/`))
        .map(([, row]) => row)
        .filter(({ key }) => compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0))
        .toSorted((left, right) => compareBytes(left.key, right.key));
      return (reverse === true ? found.toReversed() : found).slice(0, limit).map((row) => structuredClone(row));
    },
    writeTable: async (writes) => {
      for (const { namespace, key, value } of writes) {
        if (value === undefined) rows.delete(name(namespace, key));
        else rows.set(name(namespace, key), structuredClone({ key, value }));
      }
    },
  };
}
