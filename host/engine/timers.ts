// Calls of a capability to itself at a later time. Each is a row until it has fired: the row goes in
// the commit of what it did, so it fires once, however often the host goes down in between.

import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import { FIRST_KEY, numberKey, numberOf } from "./row-key.ts";

const TIMERS = "$timers";
/** By time: `u64` when it is due, `u64` id. Rows are empty. */
const DUE = "$timers-due";

/** A call that a capability has asked for. `payload` is UTF-8 JSON. */
export interface TimerDraft {
  /** From 1, up to 48 bits. */
  readonly id: number;
  readonly dueAtMs: number;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array;
  /** `traceparent` of the command that set it. */
  readonly trace?: string | undefined;
}

interface TimerRow extends Omit<TimerDraft, "payload" | "id"> {
  /** JSON text. */
  readonly payload: string;
}

/** What one command does to timers. */
interface TimerChanges {
  readonly scheduled: ReadonlyMap<number, TimerDraft>;
  readonly unscheduled: ReadonlySet<number>;
}

/** The timers of one twin. It makes writes; its user commits them, and calls `reload` when that failed. */
export interface Timers {
  /** How many wait. */
  count(): number;
  /** Whether a timer of that capability waits under the id. */
  has(capability: string, id: number): boolean;
  append(changes: TimerChanges): StateWrite[];
  /** When the first one is due; undefined when none waits. */
  nextDueAtMs(): number | undefined;
  /** The first ones that are due, in order of time. */
  due(nowMs: number, limit: number): TimerDraft[];
  /** The writes that take a timer out. */
  remove(id: number): StateWrite[];
  reload(): void;
}

/** The timers over the tables of `store`. */
export function createTimers(store: Pick<StateStore, "get" | "scan">): Timers {
  let count: number | undefined;
  const read = (id: number): TimerRow | undefined => {
    const row = store.get({ namespace: TIMERS, key: numberKey(id) });
    return row === undefined ? undefined : (jsonDecode(row) as TimerRow);
  };
  const countAll = (): number =>
    (count ??= store.scan({ namespace: DUE, start: FIRST_KEY, limit: LIMITS.engine.timerCount + 1 }).length);
  const remove = (id: number): StateWrite[] => {
    const row = read(id);
    if (row === undefined) return [];
    count = undefined;
    return [
      { namespace: TIMERS, key: numberKey(id), value: undefined },
      { namespace: DUE, key: dueKey(row.dueAtMs, id), value: undefined },
    ];
  };
  return {
    count: countAll,
    has: (capability, id) => read(id)?.capability === capability,
    append: ({ scheduled, unscheduled }) => {
      const gone = [...unscheduled].flatMap(remove);
      count = undefined;
      return [...gone, ...[...scheduled.values()].flatMap(rowsOf)];
    },
    nextDueAtMs: () => {
      const [first] = store.scan({ namespace: DUE, start: FIRST_KEY, limit: 1 });
      return first === undefined ? undefined : numberOf(first.key.subarray(0, NUMBER_SIZE));
    },
    due: (nowMs, limit) => {
      const end = numberKey(nowMs + 1);
      return store.scan({ namespace: DUE, start: FIRST_KEY, end, limit }).flatMap(({ key }) => {
        const id = numberOf(key);
        const row = read(id);
        return row === undefined ? [] : [{ ...row, id, payload: utf8Encode(row.payload) }];
      });
    },
    remove,
    reload: () => {
      count = undefined;
    },
  };
}

const NUMBER_SIZE = 8;
const NOTHING = new Uint8Array();

function dueKey(dueAtMs: number, id: number): Uint8Array {
  const key = new Uint8Array(2 * NUMBER_SIZE);
  key.set(numberKey(dueAtMs));
  key.set(numberKey(id), NUMBER_SIZE);
  return key;
}

function rowsOf({ id, payload, ...rest }: TimerDraft): StateWrite[] {
  const row: TimerRow = { ...rest, payload: utf8Decode(payload) };
  return [
    { namespace: TIMERS, key: numberKey(id), value: jsonEncode(row) },
    { namespace: DUE, key: dueKey(row.dueAtMs, id), value: NOTHING },
  ];
}
