// What a call knows of itself: who calls, the time, randomness; and how it speaks up or gives up.

import { JSON } from "json-as";
import { encode, hostCaller, hostFail, hostLog, hostNowMs, hostRandom, take } from "./abi";

/** Who calls. */
@json
export class Caller {
  /** `owner`, `experience`, `peer`, `capability` or `timer`. */
  kind: string = "";
  /** Of the experience or capability, else empty. */
  name: string = "";
  /** Id of the calling peer's twin, proven by its key; else empty. */
  twin: string = "";
  /** Id of the twin that this capability runs in. */
  self: string = "";
}

/** Who makes this call. */
export function caller(): Caller {
  return JSON.parse<Caller>(String.UTF8.decode(take(hostCaller())));
}

/** Milliseconds since the Unix epoch; the same during the whole call. */
export function nowMs(): i64 {
  return <i64>hostNowMs();
}

/** `size` random bytes, seeded per call. */
export function randomBytes(size: i32): ArrayBuffer {
  const bytes = new ArrayBuffer(size);
  hostRandom(changetype<usize>(bytes), size);
  return bytes;
}

/** A fresh id: 26 characters of 0-9 and a-v, 130 random bits. */
export function randomId(): string {
  const bytes = Uint8Array.wrap(randomBytes(26));
  let id = "";
  for (let index = 0; index < 26; index++) id += "0123456789abcdefghijklmnopqrstuv".charAt(bytes[index] & 31);
  return id;
}

/** Ends the call: nothing of it takes effect, its caller gets `TWIN_GUEST_FAILED` with `code` (`[a-z][a-z0-9-]*`) and `message`. Never returns. */
export function fail(code: string, message: string): void {
  const reason = encode(code);
  const text = encode(message);
  hostFail(changetype<usize>(reason), reason.byteLength, changetype<usize>(text), text.byteLength);
  unreachable();
}

/** {@link fail}s unless `condition` holds. */
export function require(condition: bool, code: string, message: string): void {
  if (!condition) fail(code, message);
}

/** Lines in the host's log, at most 4 KiB each and 100 a call. Never log what people wrote. */
export namespace log {
  export function debug(text: string): void {
    write(0, text);
  }
  export function info(text: string): void {
    write(1, text);
  }
  export function warn(text: string): void {
    write(2, text);
  }
  export function error(text: string): void {
    write(3, text);
  }
}

function write(level: i32, text: string): void {
  const line = encode(text);
  hostLog(level, changetype<usize>(line), line.byteLength);
}
