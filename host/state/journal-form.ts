// What all forms of the journal have in common: groups of records, in whole sectors.

/** The changes of one twin, sealed; numbered without gaps per twin. */
export interface JournalRecord {
  readonly twin: string;
  /** From 1. */
  readonly sequence: number;
  readonly sealed: Uint8Array;
}

/** What is written and synced at once. */
export interface JournalGroup {
  /** From 1, without gaps. */
  readonly number: number;
  /** 32 bytes: the hash of the group before; zeros before the first. */
  readonly previous: Uint8Array;
  readonly records: readonly JournalRecord[];
}

/** A group that was read, and where. */
export interface FoundGroup extends JournalGroup {
  /** Those of its records whose sealed bytes are not the ones that were written. */
  readonly damaged: ReadonlySet<JournalRecord>;
  /** 32 bytes. */
  readonly hash: Uint8Array;
  /** Offset behind it. */
  readonly end: number;
}

/** Groups begin at multiples of this: a torn one never damages the sector of another, and a later one can be found behind it. */
export const ALIGNMENT = 512;
/** Of the hashes that chain groups, in bytes. */
export const HASH_SIZE = 32;
