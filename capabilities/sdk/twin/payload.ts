// Payloads: UTF-8 JSON in and out. The host has checked the parameters against the manifest's
// schema before the guest sees them, and checks the answer after.

import { JSON } from "json-as";
import { answer, encode } from "./abi";

/** The parameters of this call, as a `@json` class. Absent fields keep their initial values. */
export function params<T>(address: usize, size: i32): T {
  return JSON.parse<T>(String.UTF8.decodeUnsafe(address, size));
}

/** The answer of this call: a `@json` class, an array of them, a string, a number or a boolean. */
export function reply<T>(value: T): i64 {
  return answer(encode(JSON.stringify<T>(value)));
}
