// Groups of a journal as earlier builds wrote them, for tests of who reads them.

import { concatBytes, utf8Encode } from "../../host/base/bytes.ts";
import type { JournalGroup } from "../../host/state/journal-form.ts";
import { referenceKernels } from "./reference-kernels.ts";

const SECTOR = 512;

/** The group's bytes in the format "TJG1", padded to whole sectors, and its hash. */
export function encodeEarlyGroup({ number, previous, records }: JournalGroup): {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
} {
  const body = concatBytes(
    ...records.map(({ twin, sequence, sealed }) => {
      const name = utf8Encode(twin);
      const head = new DataView(new ArrayBuffer(14));
      head.setUint16(0, name.length, true);
      head.setBigUint64(2, BigInt(sequence), true);
      head.setUint32(10, sealed.length, true);
      return concatBytes(new Uint8Array(head.buffer), name, sealed);
    }),
  );
  const head = new DataView(new ArrayBuffer(16));
  head.setUint32(0, 0x31474a54, true);
  head.setUint32(4, body.length, true);
  head.setBigUint64(8, BigInt(number), true);
  const hashed = concatBytes(new Uint8Array(head.buffer), previous);
  const hash = referenceKernels.hash(concatBytes(hashed, body));
  const bytes = new Uint8Array(Math.ceil((hashed.length + hash.length + body.length) / SECTOR) * SECTOR);
  bytes.set(concatBytes(hashed, hash, body));
  return { bytes, hash };
}
