// A vault's index as hosts of version 1 wrote it: a row for each part of an object, and for each block of a segment.

import { concatBytes, jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import type { StateStore, StateWrite } from "../../host/state/state-store.ts";

const ID_SIZE = 32;
const SEGMENT_ID_SIZE = 16;
const OBJECT = "$vault.object";
const PART = "$vault.part";
const CONTENT = "$vault.content";

/** Writes the rows of `index`, at most 1,000 of each table, as version 1 has them. */
export async function makeOldIndex(index: StateStore): Promise<void> {
  const present = Uint8Array.of(1);
  const writes: StateWrite[] = [];
  const rowsOf = (namespace: string) => index.scan({ namespace, start: Uint8Array.of(0), limit: 1_000 });
  for (const { key, value } of rowsOf(OBJECT)) {
    const { parts = "", ...record } = jsonDecode(value) as { readonly parts?: string };
    writes.push({ namespace: OBJECT, key, value: jsonEncode(record) });
    for (const part of idsIn(Uint8Array.fromHex(parts))) {
      writes.push({ namespace: PART, key: concatBytes(key, part), value: present });
    }
  }
  for (const { key, value } of rowsOf(CONTENT)) {
    writes.push({ namespace: CONTENT, key, value: present });
    for (const id of idsIn(value.subarray(1))) {
      writes.push({ namespace: CONTENT, key: concatBytes(key.subarray(0, SEGMENT_ID_SIZE), id), value: present });
    }
  }
  await index.commit(writes);
}

function idsIn(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / ID_SIZE }, (_, at) => bytes.subarray(at * ID_SIZE, (at + 1) * ID_SIZE));
}
