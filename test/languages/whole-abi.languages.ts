// Guests in C and Rust that use the whole ABI: every host function with its exact signature, and
// every way in which a guest can end.

import { join } from "node:path";

import { beforeAll, describe, expect, it } from "vitest";

import { utf8Decode, utf8Encode } from "../../host/base/bytes.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { TwinError } from "../../host/base/errors.ts";
import { HOST_INTERFACE } from "../../host/engine/host-functions.ts";
import { compileForeign, type ForeignLanguage } from "../../host/packages/authoring/compile-foreign.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { type CompiledGuest, compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import type { Guest, GuestMemory, HostImplementation } from "../../host/sandbox/sandbox.ts";

const BUDGET = { fuel: 200_000_000 };
const NOW_MS = 1_800_000_000_000;

/** What a guest was seen to ask for: the function, and its arguments as text or numbers. */
type Transcript = readonly (string | number)[][];

/** A host that writes down what it is asked, and answers from a table of its own. */
function createRecorder(transcript: (string | number)[][]): HostImplementation {
  const table = new Map<string, Uint8Array<ArrayBuffer>>();
  let staged = new Uint8Array();
  const stage = (bytes: Uint8Array<ArrayBuffer>): number => {
    staged = bytes;
    return bytes.length;
  };
  const note = (name: string, memory: GuestMemory, args: readonly (number | bigint)[]): string[] => {
    const texts: string[] = [];
    for (let at = 0; at < args.length; at += 2) texts.push(memory.readText(Number(args[at]), Number(args[at + 1])));
    transcript.push([name, ...texts]);
    return texts;
  };
  const textual = (name: string, act: (texts: readonly string[]) => number | void): HostImplementation => ({
    [name]: (memory, ...args) => act(note(name, memory, args)),
  });
  return {
    ...textual("kv_get", ([key]) => (table.has(key!) ? stage(table.get(key!)!) : -1)),
    ...textual("kv_put", ([key, value]) => void table.set(key!, utf8Encode(value!))),
    ...textual("kv_delete", ([key]) => Number(table.delete(key!))),
    ...textual("blob_link", () => undefined),
    ...textual("blob_unlink", () => undefined),
    ...textual("send", () => undefined),
    ...textual("emit", () => undefined),
    ...textual("call", () => stage(utf8Encode('["Ada"]'))),
    ...textual("http_fetch", () => stage(utf8Encode("<html>"))),
    ...textual("peer_call", () => stage(utf8Encode("[1]"))),
    ...textual("fail", ([code, message]) => {
      throw new TwinError("TWIN_GUEST_FAILED", message!, { guestCode: code! });
    }),
    take: (memory, to) => memory.write(Number(to), staged),
    kv_scan: (memory, ...args) => {
      note("kv_scan", memory, args.slice(0, 4));
      transcript.at(-1)?.push(Number(args[4]), Number(args[5]));
      return stage(utf8Encode([...table.keys()].toReversed().join()));
    },
    schedule: (memory, atMs, ...args) => {
      note("schedule", memory, args);
      transcript.at(-1)?.push(Number(atMs) - NOW_MS);
      return 7;
    },
    unschedule: (_memory, id) => Number(transcript.push(["unschedule", Number(id)]) > 0),
    caller: () => stage(utf8Encode('{"kind":"owner"}')),
    now_ms: () => NOW_MS,
    random: (memory, to, size) => memory.write(Number(to), utf8Encode("random!!".slice(0, Number(size)))),
    log: (memory, level, ...args) => {
      note("log", memory, args);
      transcript.at(-1)?.push(Number(level));
    },
  };
}

const EXPECTED: Transcript = [
  ["kv_put", "a", "a value: ä"],
  ["kv_put", "b", "2"],
  ["kv_get", "none"],
  ["kv_get", "a"],
  ["kv_scan", "a", "", 10, 1],
  ["kv_delete", "b"],
  ["kv_delete", "b"],
  ["blob_link", "blob"],
  ["blob_unlink", "blob"],
  ["send", "did:key:peer", "chat", "receive", '{"text":"ä"}'],
  ["emit", "changed", "{}"],
  ["schedule", "tick", "[]", 1_000],
  ["unschedule", 7],
  ["call", "contacts", "list", "{}"],
  ["http_fetch", "{}", "body"],
  ["peer_call", "did:key:peer", "chat", "list", "{}"],
  ["log", "done", 1],
];

describe.each<ForeignLanguage>(["c", "rust"])("a guest in %s", (language) => {
  let compiled: CompiledGuest;
  let transcript: (string | number)[][];

  beforeAll(async () => {
    const bytes = await compileForeign(join(import.meta.dirname, "whole-abi", language), language);
    compiled = compileGuest(admit(bytes, { hostInterface: HOST_INTERFACE, limits: LIMITS.sandbox }));
  });

  function start(): Guest {
    transcript = [];
    const implementation = createRecorder(transcript);
    return instantiate(compiled, { implementation, limits: { callDepth: LIMITS.sandbox.callDepth }, budget: BUDGET });
  }

  it("imports every host function that there is, with its exact signature", () => {
    expect(compiled.admitted.imports.toSorted()).toEqual(Object.keys(HOST_INTERFACE).toSorted());
  });

  it("has its arguments arrive, and the answers come back", () => {
    const guest = start();
    for (let round = 0; round < 3; round++) {
      transcript.length = 0;
      const { payload, usage } = guest.call("everything", utf8Encode("a value: ä"), BUDGET);
      expect(transcript).toEqual(EXPECTED);
      expect(utf8Decode(payload)).toBe('a value: äb,a["Ada"]<html>[1]{"kind":"owner"}random!!');
      expect(usage.hostCalls).toMatchObject({ take: 6, kv_put: 2, kv_get: 2, now_ms: 1, random: 1, caller: 1 });
      expect(usage.fuel).toBeGreaterThan(600_000);
    }
  });

  it.each([
    ["refuse", "TWIN_GUEST_FAILED"],
    ["loop", "TWIN_GUEST_FUEL"],
    ["wild", "TWIN_GUEST_TRAP"],
    ["absent", "TWIN_GUEST_ABI"],
  ])("ends typed when its method %s misbehaves", (method, code) => {
    const guest = start();
    expect(() => guest.call(method, new Uint8Array(), BUDGET)).toThrow(expect.objectContaining({ code }));
    expect(guest.dropped).toBe(true);
  });

  it("ends typed when it calls itself for ever: by our count, or where its own stack ends", () => {
    const guest = start();
    expect(() => guest.call("recurse", new Uint8Array(), BUDGET)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^TWIN_GUEST_(DEPTH|TRAP)$/u) }),
    );
  });

  it("says when it has no room for a payload", () => {
    expect(() => start().call("everything", new Uint8Array(65_537), BUDGET)).toThrow(
      expect.objectContaining({ code: "TWIN_GUEST_MEMORY" }),
    );
  });
});
