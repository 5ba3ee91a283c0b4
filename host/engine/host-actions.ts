// What each host function does. Everything a guest passes is checked and charged before it is used.

import { concatBytes, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateEntry, StateKey } from "../state/state-store.ts";
import type { GuestMemory } from "../sandbox/sandbox.ts";
import { decodeObjectId } from "../vault/object-id.ts";
import { checkJson } from "./checked-json.ts";
import type { GuestFrame, GuestLogLevel } from "./guest-frame.ts";
import { formatTraceparent } from "./trace.ts";

/** The call of a host function: where it comes from. */
export interface HostCall {
  readonly frame: GuestFrame;
  readonly memory: GuestMemory;
}

/** The arguments as the ABI orders them; admission has checked the signatures, so those that a function has are there. */
export type HostArguments = readonly [number, number, number, number, number, number, number, number];

/** What one host function does; its number goes back to the guest. */
export type HostAction = (call: HostCall, args: HostArguments) => number | void;

/** Fuel per byte, beyond the price of each call. */
export const LENGTH_FUEL = { copy: 1, json: 30, open: 6, seal: 12, random: 150 } as const;
/** Fuel per entry that a scan looks at. */
const SCAN_ENTRY_FUEL = 8_000;

const LOG_LEVELS: readonly GuestLogLevel[] = ["debug", "info", "warn", "error"];
const FAIL_CODE = /^[a-z][a-z0-9-]{0,63}$/;
const PEER = /^did:key:z[1-9A-HJ-NP-Za-km-z]{1,100}$/;
const CAPABILITY = /^[a-z][a-z0-9-]{0,31}(?:@[0-9]{1,9})?$/;
const METHOD = /^[a-z][a-z0-9_]{0,63}$/;
const NAME_SIZE = 128;
const TIMER_ID_SIZE = 6;
/** Any JSON will do: its receiver judges it by its own schema. */
const ANY = (): undefined => undefined;

/** The function of that name; arguments as in the table of the ABI. */
export const HOST_ACTIONS = {
  take: ({ frame, memory }, [address]) => {
    const staged = frame.stage;
    if (staged === undefined) throw abi("take was called, but nothing is staged");
    frame.stage = undefined;
    memory.charge(staged.length * LENGTH_FUEL.copy);
    memory.write(address, staged);
  },
  kv_get: (call, [key, keySize]) => {
    const value = call.frame.run.writes.get(readKey(call, key, keySize));
    call.frame.stage = undefined;
    if (value === undefined) return -1;
    call.memory.charge(value.length * LENGTH_FUEL.open);
    call.frame.run.bytes.read += value.length;
    return stage(call, value);
  },
  kv_put: (call, [key, keySize, value, valueSize]) => {
    const at = readKey(call, key, keySize);
    const size = valueSize >>> 0;
    if (size > LIMITS.state.valueSizeBytes) {
      throw tooLarge(`A value has at most ${LIMITS.state.valueSizeBytes} bytes, not ${size}`);
    }
    call.memory.charge(size * LENGTH_FUEL.seal);
    call.frame.run.writes.put(at, call.memory.read(value, size));
    call.frame.run.bytes.written += at.key.length + size;
  },
  kv_delete: (call, [key, keySize]) => {
    const at = readKey(call, key, keySize);
    if (!call.frame.run.writes.delete(at)) return 0;
    call.frame.run.bytes.written += at.key.length;
    return 1;
  },
  kv_scan: scan,
  blob_link: (call, [id, idSize]) => {
    const at = linkKey(call, id, idSize);
    writeLinks(call, at, countLinks(call, at) + 1);
  },
  blob_unlink: (call, [id, idSize]) => {
    const at = linkKey(call, id, idSize);
    const count = countLinks(call, at);
    if (count > 0) writeLinks(call, at, count - 1);
  },
  send,
  emit,
  schedule,
  unschedule: ({ frame }, [id]) => {
    const { scheduled, unscheduled } = frame.run.timers;
    if (scheduled.get(id)?.capability === frame.capability) return scheduled.delete(id) ? 1 : 0;
    if (!isTimerId(id) || unscheduled.has(id) || !frame.timers.has(frame.capability, id)) return 0;
    unscheduled.add(id);
    return 1;
  },
  call: (call, [capability, capabilitySize, method, methodSize, payload, payloadSize]) => {
    call.memory.charge((payloadSize >>> 0) * LENGTH_FUEL.json);
    const nested = call.frame.call({
      capability: readName(call, capability, capabilitySize),
      method: readName(call, method, methodSize),
      payload: readPayload(call, payload, payloadSize),
      fuel: call.memory.fuelLeft(),
      callDepth: call.memory.depthLeft(),
    });
    call.memory.charge(nested.fuel + nested.payload.length * LENGTH_FUEL.json);
    return stage(call, nested.payload);
  },
  caller: (call) => stage(call, jsonEncode(describeCaller(call.frame))),
  now_ms: ({ frame }) => frame.run.atMs,
  random: ({ frame, memory }, [address, size]) => {
    const count = size >>> 0;
    memory.charge(count * LENGTH_FUEL.random);
    memory.write(address, frame.run.randomBytes(count));
  },
  log: (call, [level, text, textSize]) => {
    const { frame, memory } = call;
    const name = LOG_LEVELS[level];
    if (name === undefined) throw abi(`a log level is 0 to ${LOG_LEVELS.length - 1}`);
    const size = Math.min(textSize >>> 0, LIMITS.sandbox.logLineSizeBytes);
    memory.charge(size * LENGTH_FUEL.copy);
    // A cut may fall into the middle of a character: decode leniently.
    const line = new TextDecoder().decode(memory.read(text, size));
    if (++frame.run.logLines <= LIMITS.sandbox.logLineCount) frame.log(name, line);
  },
  fail: (call, [code, codeSize, message, messageSize]) => {
    const reason = readName(call, code, codeSize);
    if (!FAIL_CODE.test(reason)) throw abi("the code given to fail is not of the form [a-z][a-z0-9-]{0,63}");
    const size = Math.min(messageSize >>> 0, LIMITS.engine.failMessageSizeBytes);
    const text = new TextDecoder().decode(call.memory.read(message, size));
    throw new TwinError("TWIN_GUEST_FAILED", text, { code: reason, capability: call.frame.capability });
  },
} as const satisfies Readonly<Record<string, HostAction>>;

function scan(call: HostCall, args: HostArguments): number {
  const [start, startSize, end, endSize, limitBits, reverse] = args;
  const { frame, memory } = call;
  const limit = limitBits >>> 0;
  if (limit > LIMITS.state.scanCount) {
    throw tooLarge(`A scan brings at most ${LIMITS.state.scanCount} entries, not ${limit}`);
  }
  const range = {
    namespace: frame.capability,
    start: readBound(call, start, startSize),
    end: endSize === 0 ? undefined : readBound(call, end, endSize),
    limit,
    reverse: reverse !== 0,
  };
  const entries = frame.run.writes.scan(range, (sizeBytes) => {
    frame.run.bytes.read += sizeBytes;
    memory.charge(SCAN_ENTRY_FUEL + sizeBytes * LENGTH_FUEL.open);
  });
  return stage(call, concatBytes(...entries.flatMap(packEntry)));
}

function packEntry({ key, value }: StateEntry): Uint8Array[] {
  return [sizeField(key), key, sizeField(value), value];
}

function sizeField(bytes: Uint8Array): Uint8Array {
  const field = new Uint8Array(4);
  new DataView(field.buffer).setUint32(0, bytes.length, true);
  return field;
}

function send(call: HostCall, args: HostArguments): void {
  const { frame } = call;
  const peer = readName(call, args[0], args[1]);
  const capability = readName(call, args[2], args[3]);
  const method = readName(call, args[4], args[5]);
  const payload = readPayload(call, args[6], args[7]);
  checkAddressee({ peer, capability, method });
  if (peer === frame.twin) {
    throw new TwinError("TWIN_GUEST_DENIED", "A twin sends no messages to itself; call the capability instead.");
  }
  call.memory.charge(payload.length * (LENGTH_FUEL.json + LENGTH_FUEL.seal));
  const { violation } = checkJson(payload, ANY);
  if (violation !== undefined) throw abi(`the payload given to send cannot be sent (${violation})`);
  if (frame.run.sends.length >= LIMITS.engine.commandSendCount) {
    throw tooLarge(`One command sends at most ${LIMITS.engine.commandSendCount} messages`);
  }
  if (frame.run.sends.length >= frame.outboxRoom) {
    throw tooLarge(`The outbox keeps at most ${LIMITS.engine.outboxLength} messages; peers must come online first`);
  }
  const trace = formatTraceparent(frame.span ?? frame.run.trace);
  frame.run.sends.push({ peer, capability, method, payload, trace });
}

/** Throws `TWIN_GUEST_ABI` unless these can be a twin, a capability and a method of it. */
export function checkAddressee(to: {
  readonly peer: string;
  readonly capability: string;
  readonly method: string;
}): void {
  if (!PEER.test(to.peer)) throw abi("a peer is named as did:key:z…");
  if (!CAPABILITY.test(to.capability) || !METHOD.test(to.method)) throw abi("this names no capability and method");
}

function emit(call: HostCall, args: HostArguments): void {
  const { frame, memory } = call;
  const topic = readName(call, args[0], args[1]);
  const payload = readPayload(call, args[2], args[3]);
  memory.charge(payload.length * (LENGTH_FUEL.json + LENGTH_FUEL.seal));
  const check = frame.eventChecks.get(topic);
  if (check === undefined) {
    throw new TwinError("TWIN_GUEST_DENIED", `The manifest of ${frame.capability} declares no such event.`, {
      function: "emit",
    });
  }
  const checked = checkJson(payload, check);
  if (checked.violation !== undefined) {
    throw new TwinError("TWIN_CALL_RESULT", `The event ${topic} does not fit its schema. ${checked.violation}.`, {
      capability: frame.capability,
    });
  }
  if (frame.run.events.length >= LIMITS.engine.commandEventCount) {
    throw tooLarge(`One command emits at most ${LIMITS.engine.commandEventCount} events`);
  }
  const { capability, run } = frame;
  run.events.push({ atMs: run.atMs, capability, topic, payload: JSON.stringify(checked.value) });
}

function schedule(call: HostCall, args: HostArguments): number {
  const { frame, memory } = call;
  const [dueAtMs] = args;
  const method = readName(call, args[1], args[2]);
  const payload = readPayload(call, args[3], args[4]);
  if (!Number.isSafeInteger(dueAtMs) || dueAtMs < 0) throw abi("the time given to schedule is no whole number of ms");
  if (!frame.canSchedule(method)) throw abi("schedule names no command or task of this capability");
  memory.charge(payload.length * (LENGTH_FUEL.json + LENGTH_FUEL.seal));
  const { violation } = checkJson(payload, ANY);
  if (violation !== undefined) throw abi(`the payload given to schedule is no JSON (${violation})`);
  const { scheduled } = frame.run.timers;
  if (scheduled.size >= LIMITS.engine.commandTimerCount) {
    throw tooLarge(`One command sets at most ${LIMITS.engine.commandTimerCount} timers`);
  }
  if (scheduled.size >= frame.timers.room()) {
    throw tooLarge(`A twin keeps at most ${LIMITS.engine.timerCount} timers; unschedule some first`);
  }
  const id = newTimerId(frame);
  const trace = formatTraceparent(frame.span ?? frame.run.trace);
  scheduled.set(id, { id, dueAtMs, capability: frame.capability, method, payload, trace });
  return id;
}

/** From the call's own chance, so that a replayed call gives the same ids. */
function newTimerId({ run, timers, capability }: GuestFrame): number {
  for (;;) {
    const id = run.randomBytes(TIMER_ID_SIZE).reduce((number, byte) => number * 256 + byte, 0);
    if (isTimerId(id) && !run.timers.scheduled.has(id) && !timers.has(capability, id)) return id;
  }
}

function isTimerId(id: number): boolean {
  return Number.isSafeInteger(id) && id > 0 && id < 256 ** TIMER_ID_SIZE;
}

function describeCaller({ caller, twin }: GuestFrame): Readonly<Record<string, string>> {
  return {
    kind: caller.kind,
    name: "name" in caller ? caller.name : "",
    twin: caller.kind === "peer" ? caller.twin : "",
    self: twin,
  };
}

/** Puts bytes where `take` finds them; their size is what the guest is told. */
export function stage({ frame }: HostCall, bytes: Uint8Array): number {
  frame.stage = bytes;
  return bytes.length;
}

function readKey({ frame, memory }: HostCall, address: number, keySize: number): StateKey {
  const size = keySize >>> 0;
  if (size === 0 || size > LIMITS.state.keySizeBytes) {
    throw tooLarge(`A key has 1 to ${LIMITS.state.keySizeBytes} bytes, not ${size}`);
  }
  return { namespace: frame.capability, key: memory.read(address, size) };
}

/** A bound of a scan may be longer than a key: one behind the last key that begins with a long prefix. */
function readBound({ memory }: HostCall, address: number, boundSize: number): Uint8Array {
  const size = boundSize >>> 0;
  if (size > 2 * LIMITS.state.keySizeBytes) {
    throw tooLarge(`A bound has at most ${2 * LIMITS.state.keySizeBytes} bytes, not ${size}`);
  }
  return memory.read(address, size);
}

/** Text that is compared with a known form or name afterwards. */
export function readName({ memory }: HostCall, address: number, size: number): string {
  if (size >>> 0 > NAME_SIZE) throw tooLarge(`A name has at most ${NAME_SIZE} bytes`);
  return memory.readText(address, size);
}

/** A payload of at most `LIMITS.engine.payloadSizeBytes`, charged. */
export function readPayload({ memory }: HostCall, address: number, payloadSize: number): Uint8Array<ArrayBuffer> {
  const size = payloadSize >>> 0;
  if (size > LIMITS.engine.payloadSizeBytes) {
    throw tooLarge(`A payload has at most ${LIMITS.engine.payloadSizeBytes} bytes, not ${size}`);
  }
  memory.charge(size * LENGTH_FUEL.copy);
  return memory.read(address, size);
}

/** Links of one capability to objects of the vault: a namespace of its own, so that its quota holds here too. */
function linkKey(call: HostCall, address: number, size: number): StateKey {
  const id = readName(call, address, size);
  if (decodeObjectId(id) === undefined) {
    throw abi(
      "an object is named by its id, 32 to 44 characters in base58 as a put answers it; check it before it is linked",
    );
  }
  return { namespace: `$links:${call.frame.capability}`, key: utf8Encode(id) };
}

/** How often the capability holds the object: it is free to be forgotten when nobody does. */
function countLinks({ frame }: HostCall, at: StateKey): number {
  const row = frame.run.writes.get(at);
  return row === undefined ? 0 : (jsonDecode(row) as number);
}

function writeLinks({ frame }: HostCall, at: StateKey, count: number): void {
  if (count === 0) frame.run.writes.delete(at);
  else frame.run.writes.put(at, jsonEncode(count));
}

/** The error of a guest that passes what the ABI does not know. */
export function abi(what: string): TwinError {
  return new TwinError("TWIN_GUEST_ABI", `The guest broke the ABI: ${what}.`);
}

function tooLarge(what: string): TwinError {
  return new TwinError("TWIN_LIMIT_EXCEEDED", `${what}.`);
}
