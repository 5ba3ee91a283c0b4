// The root record: where the newest whole copy of the twin begins. Signed by the twin and sealed for it;
// each one names the one before, so that a store that shows an old one is found out by any that does not.

import { concatBytes, hexEncode, jsonDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE, verifySignature } from "../identity/signature.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Locator } from "./locator.ts";
import type { NoteBoard } from "./note-board.ts";
import type { ObjectId } from "./object.ts";

const FORMAT = "twin-root";
const VERSION = 1;
const DOMAIN = "twin-root/1";
const SLOTS = [0, 1] as const;

/** What a root record says. */
export interface RootRecord {
  readonly twin: string;
  /** From 1, one more with each record. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Hexadecimal: names the ticks that follow the snapshot. */
  readonly epoch: string;
  readonly snapshot: ObjectId;
  /** Hexadecimal BLAKE3 of the record before, as signed; empty in the first. */
  readonly previous: string;
  /** The owner's stores, each opaque here: one store is enough to learn of all. */
  readonly stores: readonly unknown[];
}

/** A record that was read, and its own hash. */
export interface FoundRoot {
  readonly record: RootRecord;
  readonly hash: string;
}

/** What {@link findRoots} found. */
export interface RootSearch {
  /** The newest valid one. */
  readonly newest: FoundRoot | undefined;
  /** Copies that were there and did not hold: torn, changed, or of another twin. */
  readonly broken: number;
  /** Copies that held and are older than the newest one's predecessor, or of a try that failed: their store missed writes, or lies. */
  readonly stale: number;
  /** Stores that said what they have, or that they have none; of the two slots, the fewer. */
  readonly answered: number;
}

type Keys = { readonly identity: Pick<Identity, "id" | "sign">; readonly locator: Locator; readonly kernels: Kernels };

/** The record, ready for its slot. */
export function encodeRoot(
  { identity, locator, kernels }: Keys,
  record: RootRecord,
): { readonly name: string; readonly bytes: Uint8Array; readonly hash: string } {
  const body = jsonEncode({ format: FORMAT, version: VERSION, ...record });
  const plain = concatBytes(identity.sign(DOMAIN, body), body);
  const name = locator.rootName(slotOf(record.sequence));
  return { name, bytes: locator.seal(name, plain), hash: hexEncode(kernels.hash(plain)) };
}

/** Looks at all copies of both slots. Throws `TWIN_SEAL_BROKEN` when two valid records claim one place in the row, and it cannot be told which of them was only a try that failed. */
export async function findRoots(
  keys: Pick<Keys, "locator" | "kernels"> & { readonly identity: Pick<Identity, "id"> },
  notes: Pick<NoteBoard, "look" | "needed">,
): Promise<RootSearch> {
  const found: FoundRoot[] = [];
  let broken = 0;
  let answered = Infinity;
  for (const slot of SLOTS) {
    const name = keys.locator.rootName(slot);
    const seen = await notes.look(name);
    answered = Math.min(answered, seen.answered);
    for (const copy of seen.copies) {
      const root = decodeRoot(keys, name, copy);
      if (root === undefined || slotOf(root.record.sequence) !== slot) broken++;
      else found.push(root);
    }
  }
  const newest = newestOf(found, { answered, needed: notes.needed });
  if (newest === undefined) return { newest, broken, stale: 0, answered };
  const { sequence, previous } = newest.record;
  const isEstranged = ({ record, hash }: FoundRoot): boolean =>
    hash !== newest.hash && (record.sequence === sequence || (record.sequence === sequence - 1 && hash !== previous));
  // What only few have is a try that failed, and was made again.
  const rival = found.find((root) => isEstranged(root) && copiesOf(found, root) >= notes.needed);
  if (rival !== undefined) throw forked(rival.record.sequence);
  const stale = found.filter((root) => root.record.sequence < sequence - 1 || isEstranged(root)).length;
  return { newest, broken, stale, answered };
}

/**
 * Of the highest number, the record that enough stores have, or of tries that failed the last. Throws
 * `TWIN_SEAL_BROKEN` when there are several, and none of them has enough.
 */
function newestOf(
  found: readonly FoundRoot[],
  { answered, needed }: { readonly answered: number; readonly needed: number },
): FoundRoot | undefined {
  const highest = Math.max(...found.map(({ record }) => record.sequence));
  const candidates = found.filter(({ record }) => record.sequence === highest);
  const [first] = candidates;
  if (first === undefined || candidates.every(({ hash }) => hash === first.hash)) return first;
  const written = candidates.find((root) => copiesOf(found, root) >= needed);
  if (written !== undefined) return written;
  // Together on too few stores, also if all that are silent have one: no host ever got through with it. A store
  // that had the first try was away at the second.
  const silent = Math.max(0, ...candidates.map(({ record }) => record.stores.length - answered));
  if (candidates.length + silent < needed) {
    return candidates.reduce((last, root) => (root.record.atMs > last.record.atMs ? root : last));
  }
  throw forked(highest);
}

function copiesOf(found: readonly FoundRoot[], { hash }: FoundRoot): number {
  return found.filter((root) => root.hash === hash).length;
}

function decodeRoot(
  { identity, locator, kernels }: Pick<Keys, "locator" | "kernels"> & { readonly identity: Pick<Identity, "id"> },
  name: string,
  sealed: Uint8Array,
): FoundRoot | undefined {
  try {
    const plain = locator.open(name, sealed);
    const body = plain.subarray(SIGNATURE_SIZE);
    if (!verifySignature(identity.id, DOMAIN, body, plain.subarray(0, SIGNATURE_SIZE))) return undefined;
    const { format, version, ...record } = jsonDecode(body) as RootRecord & { format: unknown; version: unknown };
    if (format !== FORMAT || version !== VERSION || record.twin !== identity.id) return undefined;
    return { record, hash: hexEncode(kernels.hash(plain)) };
  } catch {
    return undefined;
  }
}

function slotOf(sequence: number): 0 | 1 {
  return sequence % 2 === 0 ? 0 : 1;
}

function forked(sequence: number): TwinError {
  return new TwinError(
    "TWIN_SEAL_BROKEN",
    `Two root records claim to be number ${sequence}: two hosts have run this twin. Restore with the stores of only one of them.`,
    { sequence },
  );
}
