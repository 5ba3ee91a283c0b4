// Rows in the order of their keys, in pieces: one that comes between others moves only its piece.

/** What stands in order. */
export interface Ordered {
  /** Compared as JavaScript compares texts; no two rows of a list have the same. */
  readonly order: string;
}

/** A piece that has so many rows becomes two. */
const PIECE_LENGTH = 256;

/** The rows of one list. */
export class SortedRows<Row extends Ordered> {
  /** None is empty. */
  #pieces: Row[][] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  find(order: string): Row | undefined {
    const piece = this.#pieces[this.#pieceAt(order)];
    const row = piece?.[lowerBound(piece, order)];
    return row?.order === order ? row : undefined;
  }

  /** Puts in a row whose order nobody has. */
  add(row: Row): void {
    const at = this.#pieceAt(row.order);
    const piece = this.#pieces[at];
    if (piece === undefined) {
      this.#pieces.push([row]);
      return;
    }
    piece.splice(lowerBound(piece, row.order), 0, row);
    if (piece.length === PIECE_LENGTH) this.#pieces.splice(at + 1, 0, piece.splice(this.#cutOf(at)));
  }

  /** Leaves only what fits. */
  filter(fits: (row: Row) => boolean): void {
    this.#pieces = this.#pieces.map((piece) => piece.filter(fits)).filter(({ length }) => length > 0);
  }

  /** From `start` on, up to the last one before `end`; the list must not change meanwhile. */
  *forward(start: string, end?: string): Generator<Row, void> {
    for (let at = this.#pieceAt(start); at < this.#pieces.length; at++) {
      const piece = this.#pieces[at]!;
      for (let index = lowerBound(piece, start); index < piece.length; index++) {
        const row = piece[index]!;
        if (end !== undefined && row.order >= end) return;
        yield row;
      }
    }
  }

  /** The same rows, the last one first. */
  *backward(start: string, end?: string): Generator<Row, void> {
    for (let at = end === undefined ? this.#pieces.length - 1 : this.#pieceAt(end); at >= 0; at--) {
      const piece = this.#pieces[at] ?? [];
      for (let index = (end === undefined ? piece.length : lowerBound(piece, end)) - 1; index >= 0; index--) {
        const row = piece[index]!;
        if (row.order < start) return;
        yield row;
      }
    }
  }

  /** Where a full piece is cut: rows that come in order leave full pieces behind. */
  #cutOf(at: number): number {
    return at === this.#pieces.length - 1 ? PIECE_LENGTH - 1 : PIECE_LENGTH / 2;
  }

  /** Index of the piece that has the order, or would have it; behind the last one only when there is none. */
  #pieceAt(order: string): number {
    let [low, high] = [0, this.#pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#pieces[middle]![0]!.order <= order) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Index of the first row that is not before `order`. */
function lowerBound(rows: readonly Ordered[], order: string): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
