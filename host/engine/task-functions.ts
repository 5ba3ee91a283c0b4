// The host functions for which a task stands still. Failures of the outside are answers that the guest
// gets and may live with; what breaks a rule, and a nested call that fails, ends the task.

import { concatBytes, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError, toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { isAllowedPlace } from "../packages/http-place.ts";
import type { WaitingImplementation, WaitingMemory } from "../sandbox/sandbox.ts";
import { abi, checkAddressee, LENGTH_FUEL, readName, readPayload, stage } from "./host-actions.ts";
import { checkHostCall, type HostFunctionName } from "./host-functions.ts";
import { checkJson } from "./checked-json.ts";
import type { GuestFrame, NestedCall } from "./guest-frame.ts";
import { formatTraceparent } from "./trace.ts";
import type { HttpAnswer, HttpRequest, Outside } from "./outside.ts";

/** The frame of a task. */
export interface TaskFrame extends GuestFrame {
  readonly outside: Outside;
  /** Where its requests may go. */
  readonly places: readonly string[];
  /** Aborts when nobody waits for the task any more. */
  readonly signal: AbortSignal;
  /** A call in a transaction of its own; durable when it resolves. */
  callAlone(nested: NestedCall): Promise<{ readonly payload: Uint8Array; readonly fuel: number }>;
  /** Resolves when it is the task's turn to go on. */
  turn(): Promise<void>;
}

interface TaskCall {
  readonly frame: TaskFrame;
  readonly memory: WaitingMemory;
  /** Aborts with the task or this wait. */
  readonly signal: AbortSignal;
}

type TaskAction = (call: TaskCall, args: readonly number[]) => Promise<number>;

/** What a head of a request may say; the rest of HTTP is the host's. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const HEADER_NAME = /^[a-z][a-z0-9-]{0,63}$/u;
/** Visible ASCII, spaces and tabs: no line ends, which would begin other headers. */
const HEADER_VALUE = /^[\t\x20-\x7e]{0,4096}$/u;
/** They say how the message is framed or whom it is for. */
const HOST_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|accept-encoding|proxy-.*)$/u;

/** Any JSON will do: its reader judges it by its own schema. */
const ANY = (): undefined => undefined;

const TASK_ACTIONS = {
  call: async (
    { frame, memory, signal },
    [capability = 0, capabilitySize = 0, method = 0, methodSize = 0, at = 0, size = 0],
  ) => {
    const call = { frame, memory };
    memory.charge((size >>> 0) * LENGTH_FUEL.json);
    const nested = await frame.callAlone({
      capability: readName(call, capability, capabilitySize),
      method: readName(call, method, methodSize),
      payload: readPayload(call, at, size),
      fuel: memory.fuelLeft(),
      callDepth: memory.depthLeft(),
    });
    // The task may have been given up meanwhile: then there is nothing to charge any more.
    if (signal.aborted) throw abortError();
    // What the call burnt stands in its own receipt, and counts against the task's budget all the same.
    frame.run.delegatedFuel += nested.fuel;
    memory.charge(nested.fuel);
    memory.charge(nested.payload.length * LENGTH_FUEL.json);
    return stage(call, nested.payload);
  },
  http_fetch: async ({ frame, memory, signal }, [head = 0, headSize = 0, body = 0, bodySize = 0]) => {
    const call = { frame, memory };
    const request = { ...checkHead(readPayload(call, head, headSize), frame), body: readPayload(call, body, bodySize) };
    return answerOf(call, async () => {
      const answer = await frame.outside.fetch(request, { signal });
      frame.run.bytes.sent += request.body.length;
      frame.run.bytes.received += answer.body.length;
      return packAnswer(answer);
    });
  },
  peer_call: async ({ frame, memory, signal }, args) => {
    const call = { frame, memory };
    const peer = readName(call, args[0]!, args[1]!);
    const capability = readName(call, args[2]!, args[3]!);
    const method = readName(call, args[4]!, args[5]!);
    const payload = readPayload(call, args[6]!, args[7]!);
    checkAddressee({ peer, capability, method });
    memory.charge(payload.length * LENGTH_FUEL.json);
    const { violation } = checkJson(payload, ANY);
    if (violation !== undefined) throw abi(`the payload given to peer_call is no JSON (${violation})`);
    const trace = formatTraceparent(frame.run.trace);
    return answerOf(call, async () => {
      const answer = await frame.outside.callPeer({ peer, capability, method, payload, trace }, { signal });
      frame.run.bytes.sent += payload.length;
      frame.run.bytes.received += answer.length;
      // Another host may say anything: the guest reads what was checked, in one spelling.
      const checked = checkJson(answer, ANY);
      if (checked.violation === undefined) return utf8Encode(checked.text);
      throw new TwinError("TWIN_PEER_PROTOCOL", "The other host answered a call with something that is no JSON.");
    });
  },
} as const satisfies Partial<Record<HostFunctionName, TaskAction>>;

/** The functions that wait, for the guest of one task. */
export function createTaskImplementation(frame: TaskFrame): WaitingImplementation {
  return Object.fromEntries(
    Object.entries(TASK_ACTIONS).map(([name, act]) => [
      name,
      (memory: WaitingMemory, ...args: (number | bigint)[]) =>
        waitFor(frame, () => {
          checkHostCall(name as HostFunctionName, frame);
          const signal = AbortSignal.any([memory.signal, frame.signal]);
          return act({ frame, memory, signal }, args as number[]);
        }),
    ]),
  );
}

/** What `act` gives, at the task's next turn; or the abort of the task, as soon as it comes. */
async function waitFor(frame: TaskFrame, act: () => Promise<number>): Promise<number> {
  const { signal } = frame;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(abortError());
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) throw abortError();
    const answer = await Promise.race([act(), aborted.promise]);
    await Promise.race([frame.turn(), aborted.promise]);
    return answer;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Stages what the outside answered, or why it did not, with the negative size. */
async function answerOf(
  call: { readonly frame: TaskFrame; readonly memory: WaitingMemory },
  ask: () => Promise<Uint8Array>,
): Promise<number> {
  let [answer, sign]: [Uint8Array, number] = [new Uint8Array(), 1];
  try {
    answer = await ask();
  } catch (thrown) {
    if (call.frame.signal.aborted) throw thrown;
    const { code, message } = toTwinError(thrown);
    [answer, sign] = [jsonEncode({ code, message }), -1];
  }
  call.memory.charge(answer.length * LENGTH_FUEL.copy);
  return sign * stage(call, answer);
}

function checkHead(bytes: Uint8Array, { places, capability }: TaskFrame): Omit<HttpRequest, "body"> {
  const { method = "GET", url, headers = {} } = readHead(bytes);
  const target = typeof url === "string" ? URL.parse(url) : null;
  if (target === null) throw abi("the url given to http_fetch is none");
  if (typeof method !== "string" || !METHODS.has(method)) throw abi(`a request is one of ${[...METHODS].join(", ")}`);
  if (!isAllowedPlace(target, places)) {
    const message = `The manifest of ${capability} does not ask for requests to ${target.host}.`;
    throw new TwinError("TWIN_GUEST_DENIED", message, { function: "http_fetch" });
  }
  return { url: target.href, method, headers: checkHeaders(headers), places };
}

function readHead(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(jsonDecode(bytes)) as Record<string, unknown>;
  } catch {
    throw abi("the head given to http_fetch is no JSON");
  }
}

function checkHeaders(headers: unknown): Record<string, string> {
  const entries = Object.entries(Object(headers) as Record<string, unknown>);
  if (entries.length > LIMITS.outside.headerCount)
    throw abi(`a request has at most ${LIMITS.outside.headerCount} headers`);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const name = key.toLowerCase();
      if (!HEADER_NAME.test(name) || typeof value !== "string" || !HEADER_VALUE.test(value)) {
        throw abi("a header given to http_fetch is malformed");
      }
      if (HOST_HEADERS.test(name)) throw abi(`the header ${name} is the host's`);
      return [name, value];
    }),
  );
}

/** `u32` size of the head (little-endian), the head as JSON, the body. */
function packAnswer({ url, status, headers, body }: HttpAnswer): Uint8Array {
  const head = jsonEncode({ url, status, headers });
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, head.length, true);
  return concatBytes(size, head, body);
}

function abortError(): TwinError {
  return new TwinError("TWIN_ABORTED", "The task was given up before its end.");
}
