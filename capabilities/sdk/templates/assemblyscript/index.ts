// Contacts leave a line from their twins; the owner reads the book.

import { Table, caller, emit, nowMs, ordered } from "twin";

@length(1, 500)
type Text = string;

@range(1, 200)
type Limit = i32;

@json
class Line {
  number: i64 = 0;
  /** Id of the twin that wrote it; empty for the owner. */
  by: string = "";
  text: string = "";
  atMs: i64 = 0;
}

@event("guestbook.signed")
class Signed {
  line: Line = new Line();
}

const lines = new Table<Line>("line", (line) => ordered(line.number));

/** Leaves a line in the book. */
@command
@exposeTo("contacts")
export function sign(text: Text): Line {
  const last = lines.list(1, "", true);
  const line = new Line();
  line.number = last.length == 0 ? 1 : last[0].number + 1;
  line.by = caller().twin;
  line.text = text;
  line.atMs = nowMs();
  lines.put(line);
  const event = new Signed();
  event.line = line;
  emit(event);
  return line;
}

/** The newest lines first. */
@query
export function list(limit: Limit = 50): Line[] {
  return lines.list(limit, "", true);
}
