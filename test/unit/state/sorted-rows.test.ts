// Runs host/state/sorted-rows.ts against an array that is sorted each time.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SortedRows } from "../../../host/state/sorted-rows.ts";

interface Row {
  readonly order: string;
}

function compare({ order: left }: Row, { order: right }: Row): number {
  return left < right ? -1 : 1;
}

/** Rows of those orders, in the order in which they come. */
function fill(orders: readonly string[]): { readonly rows: SortedRows<Row>; readonly model: Row[] } {
  const rows = new SortedRows<Row>();
  const model = orders.map((order) => ({ order }));
  for (const row of model) rows.add(row);
  return { rows, model: model.toSorted(compare) };
}

const order = fc.string({ maxLength: 3 });
const orders = fc.oneof(
  fc.uniqueArray(order, { maxLength: 40 }),
  // Of many pieces: in order, against it, and from both ends.
  fc.integer({ min: 200, max: 1_500 }).chain((count) =>
    fc.constantFrom(
      Array.from({ length: count }, (_, index) => String(index).padStart(5, "0")),
      Array.from({ length: count }, (_, index) => String(count - index).padStart(5, "0")),
      Array.from({ length: count }, (_, index) => String(index % 2 === 0 ? index : 9_999 - index).padStart(5, "0")),
    ),
  ),
);

test("rows are found, and walked between any bounds in both directions", () => {
  const bound = fc.oneof(
    order,
    fc.integer({ max: 9_999, min: 0 }).map((number) => String(number).padStart(5, "0")),
  );
  fc.assert(
    fc.property(orders, bound, fc.option(bound, { nil: undefined }), (given, start, end) => {
      const { rows, model } = fill(given);
      const expected = model.filter((row) => row.order >= start && (end === undefined || row.order < end));
      expect([...rows.forward(start, end)]).toEqual(expected);
      expect([...rows.backward(start, end)]).toEqual(expected.toReversed());
      for (const row of model) expect(rows.find(row.order)).toBe(row);
      expect(rows.find(start)?.order).toBe(model.find((row) => row.order === start)?.order);
    }),
  );
});

test("rows that were taken out are gone, and others come in their places", () => {
  fc.assert(
    fc.property(orders, fc.integer({ min: 1, max: 5 }), (given, part) => {
      const { rows, model } = fill(given);
      const kept = model.filter((_, index) => index % part === 0);
      const gone = model.filter((_, index) => index % part !== 0);
      rows.filter((row) => kept.includes(row));
      expect([...rows.forward("")]).toEqual(kept);
      expect(rows.isEmpty).toBe(kept.length === 0);
      for (const row of gone) {
        expect(rows.find(row.order)).toBeUndefined();
        rows.add(row);
      }
      expect([...rows.forward("")]).toEqual(model);
      rows.filter(() => false);
      expect(rows.isEmpty).toBe(true);
    }),
    { numRuns: 50 },
  );
});
