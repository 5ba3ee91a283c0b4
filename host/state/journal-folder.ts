// Port: where a journal's segments lie. What a write has acknowledged survives the loss of power.

/** The segment that is being written. */
export interface JournalSegment {
  /** Bytes that were laid out in advance; writing beyond works too, and is slower. */
  readonly sizeBytes: number;
  /** Writes all of `bytes` at `offset`; durable when it resolves. One at a time. When it rejects, any part may be on disk. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** The same on this thread; throws where `write` rejects. */
  writeHere?(bytes: Uint8Array, offset: number): void;
  close(): Promise<void>;
}

/** The segments of one journal, each named by the number of the first group in it. */
export interface JournalFolder extends AsyncDisposable {
  /** Names of all segments, ascending. */
  list(): Promise<number[]>;
  /** Where a segment lies, for who has to look at it. */
  pathOf(first: number): string;
  /** A whole segment. */
  read(first: number): Promise<Uint8Array>;
  /** An empty segment in place of one of that name, durably; when it rejects, whatever had that name is still there. */
  create(first: number): Promise<JournalSegment>;
  /** Need not be durable. */
  remove(first: number): Promise<void>;
}
