// The smallest useful capability: a query, and a command with state. Begin here.

import { kv, nowMs, params, reply } from "twin";

@json
class EchoParams {
  text: string = "";
}

@json
class Echo {
  text: string = "";
  atMs: i64 = 0;
}

@json
class CountParams {
  by: i64 = 1;
}

@json
class Count {
  count: i64 = 0;
}

/** Says back what it heard. */
export function echo(address: i32, size: i32): i64 {
  const heard = params<EchoParams>(address, size);
  const answer = new Echo();
  answer.text = heard.text;
  answer.atMs = nowMs();
  return reply(answer);
}

/** Adds to a number that outlives the call. */
export function count(address: i32, size: i32): i64 {
  const step = params<CountParams>(address, size);
  const stored = kv.read<Count>("count");
  const total = stored === null ? new Count() : stored;
  total.count += step.by;
  kv.write("count", total);
  return reply(total);
}
