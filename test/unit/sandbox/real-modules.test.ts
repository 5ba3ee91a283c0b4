// Programs that others compiled, of half a megabyte and more, run metered as they run unmetered. What
// they burn is what a count of single instructions says. Tree-sitter is not among them: as npm has it,
// it imports its memory, table and stack pointer, so that grammars can be linked to it while it runs;
// a guest is one module with a memory and a table of its own.

import nodeCrypto from "node:crypto";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { meterModule } from "../../../host/sandbox/metering/module-meter.ts";
import { readModule } from "../../../host/sandbox/wasm/module-reader.ts";
import { COUNT_EXPORT, countInstructions } from "../../support/count-instructions.ts";
import {
  brotliBytes,
  openBrotli,
  openQuickjs,
  openSqlite,
  quickjsBytes,
  type RealModule,
  sqliteBytes,
} from "../../support/real-modules.ts";

/** Of each host function: their imports are not ours, so their prices are as good as any. */
const IMPORT_FUEL = 10;
const FUEL = 1n << 50n;

const SQL = `create table entry(id integer primary key, name text, value real);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
    insert into entry select i, 'name ' || (i * 7919 % 100), i * 1.5 from n;
  create index by_name on entry(name);
  select name, count(*), sum(value) from entry where name like 'name 1%' group by name order by 3 desc limit 5;
  select a.id, b.id from entry a join entry b on a.name = b.name where a.id < b.id and b.value > 440;
  select json_group_array(value) from (select value from entry order by name desc limit 3);`;

const JAVASCRIPT = `(() => {
  const items = Array.from({ length: 200 }, (_, index) => ({ key: (index * 7919) % 100, text: "item " + index }));
  items.sort((left, right) => left.key - right.key);
  const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  class Shape { #side = 3; get area() { return this.#side ** 2; } }
  const words = "the quick brown fox".replace(/(\\w+) (\\w+)/gu, "$2 $1");
  try { null.property; } catch (error) { items.push(String(error)); }
  return JSON.stringify([items.slice(0, 3), items.at(-1), fib(12), new Shape().area, words, 0.1 + 0.2, 2n ** 100n + ""]);
})()`;

const TEXT = Array.from({ length: 40 }, (_, index) => `line ${(index * 7919) % 100} of a text\n`).join("");

const MODULES = [
  ["SQLite", sqliteBytes, openSqlite, SQL],
  ["QuickJS", quickjsBytes, openQuickjs, JAVASCRIPT],
  ["Brotli", brotliBytes, openBrotli, TEXT],
] as const;

// They ask their host for time and chance.
beforeAll(() => {
  vi.useFakeTimers({ now: 0, toFake: ["Date", "performance"] });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.spyOn(nodeCrypto, "randomFillSync").mockImplementation((values) => (values as Uint8Array).fill(7));
});

afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each(MODULES)("%s", (_, bytesOf, open, program) => {
  const bytes = bytesOf();

  async function metered(): Promise<{ module: RealModule; burnt: () => bigint; admitted: Uint8Array }> {
    const shape = readModule(bytes);
    const importFuel = shape.imports.map(() => IMPORT_FUEL);
    const admitted = meterModule(shape, { pageMax: 4_096, elementMax: 10_000, importFuel });
    let fuel: { value: bigint } = { value: 0n };
    const module = await open(admitted, (exports) => {
      fuel = exports["twin_fuel"] as unknown as { value: bigint };
      fuel.value = FUEL;
      (exports["twin_depth"] as unknown as { value: number }).value = 10_000;
      (exports["twin_start"] as (() => void) | undefined)?.();
    });
    return { module, burnt: () => FUEL - fuel.value, admitted };
  }

  it("answers metered what it answers unmetered, each time at the price that a count of its instructions says", async () => {
    const original = await open(bytes, () => undefined);
    const importFuel = readModule(bytes).imports.map(() => IMPORT_FUEL);
    const counted = await open(countInstructions(bytes, importFuel), () => undefined);
    const [first, second] = [await metered(), await metered()];
    const answer = original.run(program);
    expect(answer.length).toBeGreaterThan(100);
    for (const { run } of [counted, first.module, second.module]) expect(run(program)).toBe(answer);
    const due = (counted.exports[COUNT_EXPORT] as WebAssembly.Global).value as bigint;
    expect([first.burnt(), second.burnt()]).toEqual([due, due]);
    expect(first.admitted.length / bytes.length).toBeLessThan(1.47);
  });
});
