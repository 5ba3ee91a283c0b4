// A twin for the tests of one capability: the real sandbox with its real limits, the host functions of
// docs/formats/abi.md over memory, commands as transactions, both schemas checked. Its time stands until the test moves it.

import { compareBytes, concatBytes, hexEncode, jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { HOST_INTERFACE } from "../../host/engine/host-functions.ts";
import { methodOf } from "../../host/packages/manifest-file.ts";
import type { CapabilityPackage } from "../../host/packages/manifest.ts";
import { compileSchema } from "../../host/packages/schema.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { type CompiledGuest, compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import type { Guest, GuestMemory, HostImplementation } from "../../host/sandbox/sandbox.ts";

/** A call that the capability ended with `fail`, or that broke a rule of the host. */
export class CapabilityFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** Who calls; the owner when absent. */
interface CapabilityCaller {
  readonly kind: "owner" | "experience" | "peer" | "capability";
  readonly name?: string;
  readonly twin?: string;
}

/** A message that a command sent. */
interface SentMessage {
  readonly peer: string;
  readonly capability: string;
  readonly method: string;
  readonly payload: unknown;
}

/** What is kept between calls. */
interface Effects {
  state: Map<string, Uint8Array<ArrayBuffer>>;
  blobs: Map<string, number>;
  sent: SentMessage[];
  events: { topic: string; payload: unknown }[];
}

/** One capability of one twin. */
export interface CapabilityTwin {
  readonly id: string;
  nowMs: number;
  readonly memorySizeBytes: number;
  /** Messages since the last call of this method, in order. */
  takeSent(): SentMessage[];
  takeEvents(): { topic: string; payload: unknown }[];
  /** Objects that the capability keeps, with how often it linked each. */
  blobs(): Record<string, number>;
  /** Runs a method; effects count only when it ends well. Throws {@link CapabilityFailure}. */
  call(method: string, params: unknown, caller?: CapabilityCaller): Record<string, unknown>;
}

/** A fresh twin with the id `id` that runs `capability`. */
export function openCapabilityTwin(capability: CapabilityPackage, id: string): CapabilityTwin {
  let committed: Effects = { state: new Map(), blobs: new Map(), sent: [], events: [] };
  let draft = committed;
  let mayWrite = false;
  let who: CapabilityCaller = { kind: "owner" };
  let staged = new Uint8Array(0);
  let randomSeed = 1;

  let memory: GuestMemory | undefined;

  const bytes = (address: number, size: number): Uint8Array<ArrayBuffer> => memory!.read(address >>> 0, size >>> 0);
  const text = (address: number, size: number): string => memory!.readText(address >>> 0, size >>> 0);
  const stage = (value: Uint8Array<ArrayBuffer>): number => (staged = value).length;
  const write = (permission: string): void => {
    if (!mayWrite) throw new CapabilityFailure("denied", "a query cannot change anything");
    if (!capability.manifest.permissions.some((request) => request.permission === permission))
      throw new CapabilityFailure("denied", `the manifest does not ask for ${permission}`);
  };

  const twin = {
    take: (address: number) => memory!.write(address >>> 0, staged),
    kv_get: (key: number, keySize: number) => {
      const value = draft.state.get(hexEncode(bytes(key, keySize)));
      return value === undefined ? -1 : stage(value);
    },
    kv_put: (key: number, keySize: number, value: number, valueSize: number) => {
      write("state");
      draft.state.set(hexEncode(bytes(key, keySize)), bytes(value, valueSize));
    },
    kv_delete: (key: number, keySize: number) => {
      write("state");
      return draft.state.delete(hexEncode(bytes(key, keySize))) ? 1 : 0;
    },
    kv_scan: (...[start, startSize, end, endSize, limit, reverse]: number[]) => {
      const [first, last] = [bytes(start!, startSize!), endSize === 0 ? undefined : bytes(end!, endSize!)];
      if (limit! > 1_000) throw new CapabilityFailure("limit", "scan");
      return stage(encodeEntries(scan(draft.state, first, last), limit!, reverse === 1));
    },
    blob_link: (object: number, size: number) => {
      write("blobs");
      draft.blobs.set(text(object, size), (draft.blobs.get(text(object, size)) ?? 0) + 1);
    },
    blob_unlink: (object: number, size: number) => {
      write("blobs");
      const count = (draft.blobs.get(text(object, size)) ?? 0) - 1;
      if (count > 0) draft.blobs.set(text(object, size), count);
      else draft.blobs.delete(text(object, size));
    },
    send: (...[peer, peerSize, target, targetSize, method, methodSize, payload, payloadSize]: number[]) => {
      write("send");
      draft.sent.push({
        peer: text(peer!, peerSize!),
        capability: text(target!, targetSize!),
        method: text(method!, methodSize!),
        payload: jsonDecode(bytes(payload!, payloadSize!)),
      });
    },
    emit: (...[topic, topicSize, payload, payloadSize]: number[]) => {
      write("emit");
      const event = { topic: text(topic!, topicSize!), payload: jsonDecode(bytes(payload!, payloadSize!)) };
      const schema = capability.manifest.events[event.topic];
      if (schema === undefined) throw new CapabilityFailure("event", `${event.topic} is not in the manifest`);
      check("event", compileSchema(schema)(event.payload));
      draft.events.push(event);
    },
    caller: () => stage(jsonEncode({ kind: who.kind, name: who.name ?? "", twin: who.twin ?? "", self: id })),
    now_ms: () => self.nowMs,
    random: (address: number, size: number) => {
      const random = Uint8Array.from({ length: size }, () => {
        randomSeed = (randomSeed * 1_103_515_245 + 12_345) % 2 ** 31;
        return randomSeed >>> 16;
      });
      memory!.write(address >>> 0, random);
    },
    log: () => {},
    fail: (code: number, codeSize: number, message: number, messageSize: number) => {
      throw new CapabilityFailure(text(code, codeSize), text(message, messageSize));
    },
  };
  const implementation: HostImplementation = Object.fromEntries(
    Object.entries(twin).map(([name, act]) => [
      name,
      (window: GuestMemory, ...args: (number | bigint)[]) => {
        memory = window;
        return (act as (...args: (number | bigint)[]) => number | void)(...args);
      },
    ]),
  );
  const budget = { fuel: LIMITS.sandbox.callFuel };
  const start = (): Guest => instantiate(compiledOf(capability), { implementation, limits: LIMITS.sandbox, budget });
  let guest = start();

  const self: CapabilityTwin = {
    id,
    nowMs: 1_700_000_000_000,
    get memorySizeBytes() {
      return guest.memorySizeBytes;
    },
    takeSent: () => committed.sent.splice(0),
    takeEvents: () => committed.events.splice(0),
    blobs: () => Object.fromEntries(committed.blobs),
    call: (method: string, params: unknown, caller: CapabilityCaller = { kind: "owner" }) => {
      const { kind, params: paramsSchema, result: resultSchema } = methodOf(capability.manifest, method)!;
      check("params", compileSchema(paramsSchema)(params));
      [who, mayWrite] = [caller, kind === "command"];
      draft = mayWrite ? copyOf(committed) : committed;
      try {
        const result = jsonDecode(guest.call(method, jsonEncode(params), budget).payload);
        check("result", compileSchema(resultSchema)(result));
        committed = draft;
        return result as Record<string, unknown>;
      } catch (error) {
        // As the host does: a guest that failed is dropped.
        if (guest.dropped) guest = start();
        throw (error as Error).cause instanceof CapabilityFailure ? ((error as Error).cause as Error) : error;
      }
    },
  };
  return self;
}

const compiled = new WeakMap<CapabilityPackage, CompiledGuest>();

/** The capability as the sandbox admits it, once for all twins of a test. */
function compiledOf(capability: CapabilityPackage): CompiledGuest {
  const known = compiled.get(capability);
  if (known !== undefined) return known;
  const fresh = compileGuest(admit(capability.bytes, { hostInterface: HOST_INTERFACE, limits: LIMITS.sandbox }));
  compiled.set(capability, fresh);
  return fresh;
}

/** The stored bytes themselves never change, so a shallow copy will do. */
function copyOf({ state, blobs, sent, events }: Effects): Effects {
  return { state: new Map(state), blobs: new Map(blobs), sent: [...sent], events: [...events] };
}

function scan(
  state: ReadonlyMap<string, Uint8Array>,
  start: Uint8Array,
  end: Uint8Array | undefined,
): [Uint8Array, Uint8Array][] {
  return Array.from(state, ([key, value]): [Uint8Array, Uint8Array] => [Uint8Array.fromHex(key), value])
    .filter(([key]) => compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0))
    .toSorted(([left], [right]) => compareBytes(left, right));
}

function encodeEntries(entries: [Uint8Array, Uint8Array][], limit: number, reverse: boolean): Uint8Array<ArrayBuffer> {
  const ordered = reverse ? entries.toReversed() : entries;
  return concatBytes(...ordered.slice(0, limit).flatMap(([key, value]) => [sized(key), sized(value)]));
}

function sized(part: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(Uint32Array.of(part.length).buffer), part);
}

function check(what: string, violation: string | undefined): void {
  if (violation !== undefined) throw new CapabilityFailure(what, violation);
}

/** A well-formed twin id for the tests: `index` 0 to 57 makes it another one. */
export function testTwinId(index: number): string {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  return `did:key:z6Mk${alphabet[index]!.repeat(44)}`;
}

/** Like {@link testTwinId}, as many as wanted. */
export function numberedTwinId(index: number): string {
  return `did:key:z6Mk${String(index).replaceAll("0", "A").padStart(44, "x")}`;
}
