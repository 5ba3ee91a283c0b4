// People and circles. One entry per person, `person/<twin>`, which holds the circles too: the
// question "what is this twin to me?" costs one read. `count` says how many there are.

import { TwinId, caller, emit, fail, kv, nowMs, require } from "twin";

const PREFIX = "person/";
/** The circle of everyone who was added. */
const EVERYONE = "contacts";
const COUNT = "count";
/** All people fit into one answer of `list`, also with the longest names and most circles. */
const PEOPLE_MAX = 1500;
const CIRCLES_MAX = 8;
const PAGE = 500;

@length(1, 64)
type Name = string;

@pattern("^[a-z][a-z0-9-]{0,31}$", 32)
type Circle = string;

@json
class Person {
  twin: string = "";
  name: string = "";
  circles: string[] = [];
  addedAtMs: i64 = 0;
}

@json
class People {
  people: Person[] = [];
}

@json
class Found {
  person: Person | null = null;
}

@json
class Circles {
  circles: string[] = [];
}

@json
class Removed {
  removed: bool = false;
}

@event("contacts.changed")
class Changed {
  twin: string = "";
}

/** Adds a person, or changes the name of one who is there. */
@command
export function add(twin: TwinId, name: Name): Person {
  require(twin != caller().self, "self", "This is your own twin; add somebody else's.");
  const known = find(twin);
  if (known === null) {
    require(changeCount(1) <= PEOPLE_MAX, "too-many", "There are 1,500 contacts already; remove one first.");
  }
  const person = known === null ? stranger(twin) : known;
  person.name = cleanName(name);
  return save(person);
}

/** Changes the name of a person. */
@command
export function rename(twin: TwinId, name: Name): Person {
  const person = need(twin);
  person.name = cleanName(name);
  return save(person);
}

/** Forgets a person, and all circles of that person. */
@command
export function remove(twin: TwinId): Removed {
  const answer = new Removed();
  answer.removed = kv.remove(PREFIX + twin);
  if (answer.removed) {
    changeCount(-1);
    announce(twin);
  }
  return answer;
}

/** Puts a person into a circle. */
@command
export function circle_add(circle: Circle, twin: TwinId): Person {
  checkCircle(circle);
  const person = need(twin);
  if (person.circles.includes(circle)) return person;
  require(person.circles.length < CIRCLES_MAX, "too-many", "A person can be in at most 8 circles.");
  person.circles.push(circle);
  return save(person);
}

/** Takes a person out of a circle. */
@command
export function circle_remove(circle: Circle, twin: TwinId): Person {
  checkCircle(circle);
  const person = need(twin);
  const index = person.circles.indexOf(circle);
  if (index < 0) return person;
  person.circles.splice(index, 1);
  return save(person);
}

/** All people, by name. */
@query
export function list(): People {
  const rows: Row[] = [];
  let after = PREFIX;
  while (true) {
    const entries = kv.scanAfter(PREFIX, after, PAGE);
    for (let index = 0; index < entries.length; index++) rows.push(new Row(entries[index].read<Person>()));
    if (entries.length < PAGE) break;
    after = entries[entries.length - 1].key;
  }
  rows.sort((left, right) => byName(left, right));
  const answer = new People();
  for (let index = 0; index < rows.length; index++) answer.people.push(rows[index].person);
  return answer;
}

/** One person, or null. */
@query
export function get(twin: TwinId): Found {
  const answer = new Found();
  answer.person = find(twin);
  return answer;
}

/** The circles that a twin is in; none for strangers. Everyone added is in the circle contacts. */
@query
export function circles(twin: TwinId): Circles {
  const answer = new Circles();
  const person = find(twin);
  if (person !== null) answer.circles = person.circles;
  return answer;
}

function find(twin: string): Person | null {
  return kv.read<Person>(PREFIX + twin);
}

function need(twin: string): Person {
  const person = find(twin);
  if (person === null) fail("unknown", "This twin is not one of your contacts; add it first.");
  return person!;
}

function stranger(twin: string): Person {
  const person = new Person();
  person.twin = twin;
  person.circles = [EVERYONE];
  person.addedAtMs = nowMs();
  return person;
}

function save(person: Person): Person {
  kv.write(PREFIX + person.twin, person);
  announce(person.twin);
  return person;
}

function announce(twin: string): void {
  const event = new Changed();
  event.twin = twin;
  emit(event);
}

function cleanName(name: string): string {
  const trimmed = name.trim();
  require(trimmed.length > 0, "name-invalid", "A name needs a letter that one can see.");
  for (let index = 0; index < trimmed.length; index++) {
    const unit = trimmed.charCodeAt(index);
    // Control characters and bidirectional overrides let a name pass for another one.
    const misleads = unit < 0x20 || (unit >= 0x7f && unit < 0xa0) || (unit >= 0x200e && unit <= 0x200f) || (unit >= 0x2028 && unit <= 0x202e) || (unit >= 0x2066 && unit <= 0x2069);
    require(!misleads, "name-invalid", "A name cannot hold control characters.");
  }
  return trimmed;
}

function checkCircle(circle: string): void {
  require(circle != EVERYONE, "circle-reserved", "Everyone you add is in the circle contacts, and leaves it when removed.");
  require(circle != "anyone" && circle != "owner", "circle-reserved", "This name has a meaning of its own; choose another.");
}

function changeCount(change: i32): i32 {
  const kept = kv.get(COUNT);
  const count = (kept === null ? 0 : I32.parseInt(kept)) + change;
  kv.put(COUNT, count.toString());
  return count;
}

/** A person in a listing. Its sort key is made once: memory is collected between calls only. */
class Row {
  key: string;

  constructor(public person: Person) {
    this.key = person.name.toLowerCase();
  }
}

function byName(left: Row, right: Row): i32 {
  const order = compare(left.key, right.key);
  return order != 0 ? order : compare(left.person.twin, right.person.twin);
}

function compare(left: string, right: string): i32 {
  if (left == right) return 0;
  return left < right ? -1 : 1;
}
