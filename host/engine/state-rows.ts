// Every row of the twin's state, page by page, for a copy of the whole twin. What is committed while the
// pages are read may be in them or not: whoever copies applies the commits of that time once more.

import { concatBytes } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { SnapshotStateStore, StateKey, StateWrite } from "../state/state-store.ts";

const FIRST = Uint8Array.of(0);
/** A page is copied between threads as a whole. */
const PAGE_SIZE_BYTES = 256 * 1024;
const SCAN_COUNT = 64;

/** The next rows behind `after` (from the first, when absent), all of them durable; none at the end. */
export function readStateRows(
  store: Pick<SnapshotStateStore, "durable" | "namespaces">,
  after: StateKey | undefined,
): StateWrite[] {
  const rows: StateWrite[] = [];
  let sizeBytes = 0;
  for (const namespace of store.namespaces()) {
    if (after !== undefined && namespace < after.namespace) continue;
    let start = namespace === after?.namespace ? concatBytes(after.key, FIRST) : FIRST;
    for (;;) {
      const page = store.durable.scan({ namespace, start, limit: SCAN_COUNT });
      for (const { key, value } of page) {
        rows.push({ namespace, key, value });
        sizeBytes += key.length + value.length;
      }
      if (sizeBytes >= PAGE_SIZE_BYTES || rows.length >= LIMITS.state.scanCount) return rows;
      const last = page.at(-1);
      if (last === undefined || page.length < SCAN_COUNT) break;
      start = concatBytes(last.key, FIRST);
    }
  }
  return rows;
}
