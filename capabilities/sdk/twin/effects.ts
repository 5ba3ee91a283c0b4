// What a command does to the world outside its own state. All of it happens when the command
// commits, and none of it when the command fails.

import { JSON } from "json-as";
import { encode, hostCall, hostEmit, hostSchedule, hostSend, hostUnschedule, take } from "./abi";

/** Queues a message for the twin `peer`: its host calls that method there, once, in order. Needs the permission `send`. */
export function send<T>(peer: string, capability: string, method: string, payload: T): void {
  const to = encode(peer);
  const target = encode(capability);
  const name = encode(method);
  const body = encode(JSON.stringify<T>(payload));
  hostSend(
    changetype<usize>(to), to.byteLength,
    changetype<usize>(target), target.byteLength,
    changetype<usize>(name), name.byteLength,
    changetype<usize>(body), body.byteLength,
  );
}

/** Adds a durable event: an object of a class with `@event("topic")`. Needs the permission `emit`. */
export function emit<T>(event: T): void {
  const name = encode(event.twin__topic());
  const body = encode(JSON.stringify<T>(event));
  hostEmit(changetype<usize>(name), name.byteLength, changetype<usize>(body), body.byteLength);
}

/**
 * Calls the command or task `method` of this very capability at `dueAtMs` (at once when that is past), once,
 * also when the host was down at that time; its caller is then the kind `timer`. Returns the timer's
 * id. Needs the permission `schedule`. Where `method` stands in quotes, the build checks `payload`
 * against its parameters: `schedule(atMs, "remind", { text: "Tea" })`, and `{}` when it has none.
 */
export function schedule<T>(dueAtMs: i64, method: string, payload: T): i64 {
  const name = encode(method);
  const body = encode(JSON.stringify<T>(payload));
  return <i64>hostSchedule(<f64>dueAtMs, changetype<usize>(name), name.byteLength, changetype<usize>(body), body.byteLength);
}

/** Takes a timer away; false when it has fired or never was. Needs the permission `schedule`. */
export function unschedule(id: i64): bool {
  return hostUnschedule(<f64>id) == 1;
}

/** Calls a method of another capability in this call's transaction. When it fails, this call fails. Needs a permission `call`. */
export function call<Params, Result>(capability: string, method: string, params: Params): Result {
  const target = encode(capability);
  const name = encode(method);
  const body = encode(JSON.stringify<Params>(params));
  const size = hostCall(
    changetype<usize>(target), target.byteLength,
    changetype<usize>(name), name.byteLength,
    changetype<usize>(body), body.byteLength,
  );
  return JSON.parse<Result>(String.UTF8.decode(take(size)));
}

/** What a whole number in a payload is that may be absent, and is. JSON cannot hold it, so it is never a value. */
export const ABSENT: i64 = i64.MIN_VALUE;

/** A number or truth value where JSON may also have null or nothing. */
export function some<T>(value: T): JSON.Box<T> {
  return new JSON.Box<T>(value);
}
