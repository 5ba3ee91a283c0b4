// What SQLite and QuickJS are given to do while metering is measured: mixed work of a few milliseconds.

/** Builds a table, indexes it, groups and joins. */
export const SQL_PROGRAM = `drop table if exists entry;
  create table entry(id integer primary key, name text, value real);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
    insert into entry select i, 'name' || (i * 7919 % 1000), i * 1.5 from n;
  create index by_name on entry(name);
  select name, count(*), sum(value) from entry where name like 'name1%' group by name order by 3 desc limit 5;
  select a.id, b.id from entry a join entry b on a.name = b.name where a.id < b.id and a.value > 5500 limit 5;`;

/** Arithmetic, properties, sorting, recursion, strings, JSON. */
export const JAVASCRIPT_PROGRAM = `(() => {
  let sum = 0;
  const counts = {};
  for (let index = 0; index < 20000; index++) {
    sum = (sum * 31 + index) % 1000003;
    counts["k" + (index % 97)] = sum;
  }
  const items = [];
  for (let index = 0; index < 2000; index++) items.push({ key: (index * 7919) % 1000, text: "v" + index });
  items.sort((left, right) => left.key - right.key);
  const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  const text = items.map((item) => item.text).join("");
  return JSON.stringify([sum, counts.k5, items[10], fib(16), "abcabc".replace(/b(.)/g, "<$1>"), text.length]);
})()`;
