// The smallest useful capability: a query, and a command with state. Begin here.

import { kv, nowMs } from "twin";

/** What `echo` takes. */
@length(0, 16384)
type Text = string;

@range(-1000, 1000)
type Step = i64;

@json
class Echo {
  text: string = "";
  atMs: i64 = 0;
}

@json
class Count {
  count: i64 = 0;
}

/** Says back the text, with the time of the call. */
@query
export function echo(text: Text): Echo {
  const answer = new Echo();
  answer.text = text;
  answer.atMs = nowMs();
  return answer;
}

/** Adds to a number that is kept, one when nothing is said, and answers with the sum. */
@command
export function count(by: Step = 1): Count {
  const stored = kv.read<Count>("count");
  const total = stored === null ? new Count() : stored;
  total.count += by;
  kv.write("count", total);
  return total;
}
