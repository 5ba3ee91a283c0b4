// Records of the index that were read lately: each short read wants the same few, and a row must be fetched, opened
// and parsed.

import { LIMITS } from "../base/limits.ts";

/** Records by name, as `read` gives them. Who gets one must not change it. */
export interface RecordCache<Value> {
  get(name: string): Value | undefined;
  /** Runs `change`, which may change any record: nothing from before or meanwhile is kept. */
  during<T>(change: () => Promise<T>): Promise<T>;
}

/** Nothing yet. What is not there is asked for each time. */
export function createRecordCache<Value>(read: (name: string) => Value | undefined): RecordCache<Value> {
  const records = new Map<string, Value>();
  let changes = 0;
  return {
    get(name) {
      const known = records.get(name);
      if (known !== undefined) return known;
      const value = read(name);
      // What is seen while a change is made may be taken back.
      if (value === undefined || changes > 0) return value;
      records.set(name, value);
      const [oldest] = records.keys();
      if (records.size > LIMITS.vault.recordsKept && oldest !== undefined) records.delete(oldest);
      return value;
    },
    async during(change) {
      changes++;
      records.clear();
      try {
        return await change();
      } finally {
        changes--;
      }
    },
  };
}
