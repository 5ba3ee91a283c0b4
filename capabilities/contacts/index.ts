// People and circles. One entry per person, `person/<twin>`, which holds the circles too: the
// question "what is this twin to me?" costs one read. `count` says how many there are.

import { caller, emit, fail, kv, nowMs, params, reply, require } from "twin";

const PREFIX = "person/";
/** The circle of everyone who was added. */
const EVERYONE = "contacts";
const COUNT = "count";
/** All people fit into one answer of `list`, also with the longest names and most circles. */
const PEOPLE_MAX = 1500;
const CIRCLES_MAX = 8;
const PAGE = 500;

@json
class Person {
  twin: string = "";
  name: string = "";
  circles: string[] = [];
  addedAtMs: i64 = 0;
}

@json
class NamedParams {
  twin: string = "";
  name: string = "";
}

@json
class TwinParams {
  twin: string = "";
}

@json
class CircleParams {
  circle: string = "";
  twin: string = "";
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

@json
class Changed {
  twin: string = "";
}

export function add(address: i32, size: i32): i64 {
  const asked = params<NamedParams>(address, size);
  require(asked.twin != caller().self, "self", "This is your own twin; add somebody else's.");
  const known = find(asked.twin);
  if (known === null) {
    require(changeCount(1) <= PEOPLE_MAX, "too-many", "There are 1,500 contacts already; remove one first.");
  }
  const person = known === null ? stranger(asked.twin) : known;
  person.name = cleanName(asked.name);
  return save(person);
}

export function rename(address: i32, size: i32): i64 {
  const asked = params<NamedParams>(address, size);
  const person = need(asked.twin);
  person.name = cleanName(asked.name);
  return save(person);
}

export function remove(address: i32, size: i32): i64 {
  const asked = params<TwinParams>(address, size);
  const answer = new Removed();
  answer.removed = kv.remove(PREFIX + asked.twin);
  if (answer.removed) {
    changeCount(-1);
    announce(asked.twin);
  }
  return reply(answer);
}

export function circle_add(address: i32, size: i32): i64 {
  const asked = params<CircleParams>(address, size);
  checkCircle(asked.circle);
  const person = need(asked.twin);
  if (person.circles.includes(asked.circle)) return reply(person);
  require(person.circles.length < CIRCLES_MAX, "too-many", "A person can be in at most 8 circles.");
  person.circles.push(asked.circle);
  return save(person);
}

export function circle_remove(address: i32, size: i32): i64 {
  const asked = params<CircleParams>(address, size);
  checkCircle(asked.circle);
  const person = need(asked.twin);
  const index = person.circles.indexOf(asked.circle);
  if (index < 0) return reply(person);
  person.circles.splice(index, 1);
  return save(person);
}

export function list(_address: i32, _size: i32): i64 {
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
  return reply(answer);
}

export function get(address: i32, size: i32): i64 {
  const asked = params<TwinParams>(address, size);
  const answer = new Found();
  answer.person = find(asked.twin);
  return reply(answer);
}

export function circles(address: i32, size: i32): i64 {
  const asked = params<TwinParams>(address, size);
  const answer = new Circles();
  const person = find(asked.twin);
  if (person !== null) answer.circles = person.circles;
  return reply(answer);
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

function save(person: Person): i64 {
  kv.write(PREFIX + person.twin, person);
  announce(person.twin);
  return reply(person);
}

function announce(twin: string): void {
  const event = new Changed();
  event.twin = twin;
  emit("contacts.changed", event);
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
