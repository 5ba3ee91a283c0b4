// What `capability new` puts beside the code of an author in C and Rust: all of the ABI, and timers and
// calls of other capabilities that work as they do in AssemblyScript.

import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIMITS } from "../../host/base/limits.ts";
import { HOST_INTERFACE } from "../../host/engine/host-functions.ts";
import { newCapability } from "../../host/author.ts";
import { compileForeign, type ForeignLanguage } from "../../host/packages/authoring/compile-foreign.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { openLab } from "../../host/testing.ts";

const TEMPLATES = join(import.meta.dirname, "../../capabilities/sdk/templates");
const HEADERS = { c: "twin.h", rust: "twin.rs" } as const;
const MAINS = { c: "main.c", rust: "main.rs" } as const;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "templates-"));
});
afterAll(() => rm(root, { recursive: true }));

async function writeFolder(language: ForeignLanguage, name: string, main: string, manifest?: object): Promise<string> {
  const folder = join(root, `${language}-${name}`);
  await mkdir(folder);
  await cp(join(TEMPLATES, language, HEADERS[language]), join(folder, HEADERS[language]));
  await writeFile(join(folder, MAINS[language]), main);
  if (manifest !== undefined) await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

/** One call of each host function, by its signature alone. */
function everyCallInC(): string {
  const calls = Object.entries(HOST_INTERFACE).map(
    ([name, { params }]) => `  twin_host_${name}(${params.map(() => "0").join(", ")});`,
  );
  return `#include "twin.h"\nTWIN_METHOD(all) {\n  (void)address, (void)size;\n${calls.join("\n")}\n  return 0;\n}\n`;
}

const EVERY_CALL_IN_RUST = `mod twin;
#[no_mangle]
pub extern "C" fn all(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |_| {
        twin::put("a", &twin::get("b").unwrap_or_default());
        twin::delete("a");
        twin::scan("a", 1, false);
        twin::link("o");
        twin::unlink("o");
        twin::send_to("p", "c", "m", "{}");
        twin::emit_event("t", "{}");
        let timer = twin::call_later(twin::time_ms(), "m", "{}");
        twin::cancel(timer);
        twin::note(1, &twin::call_other("c", "m", "{}"));
        twin::fetch("{}", &twin::chance(8)).unwrap();
        twin::call_peer("p", "c", "m", &twin::calling()).unwrap();
        twin::give_up("no", "No.")
    })
}
`;

const BELL = {
  c: `#include "twin.h"
TWIN_METHOD(begin) {
  twin_schedule(twin_host_now_ms() + 60000, TWIN_TEXT("ring"), (twin_text){address, size});
  return twin_answer(TWIN_TEXT("{}"));
}
TWIN_METHOD(ring) {
  twin_text said = twin_call(TWIN_TEXT("guestbook"), TWIN_TEXT("sign"), (twin_text){address, size});
  (void)said;
  return twin_answer(TWIN_TEXT("{}"));
}
`,
  rust: `mod twin;
#[no_mangle]
pub extern "C" fn begin(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| {
        twin::call_later(twin::time_ms() + 60_000, "ring", payload);
        "{}".to_string()
    })
}
#[no_mangle]
pub extern "C" fn ring(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| {
        twin::call_other("guestbook", "sign", payload);
        "{}".to_string()
    })
}
`,
} as const;

const TEXT = {
  type: "object",
  properties: { text: { type: "string", maxLength: 100 } },
  required: ["text"],
  additionalProperties: false,
} as const;
const NOTHING = { type: "object", additionalProperties: false } as const;
const BELL_MANIFEST = {
  abi: 1,
  name: "bell",
  version: "1.0.0",
  title: "Bell",
  description: "Rings a minute later.",
  licence: "MIT",
  methods: {
    begin: { kind: "command", doc: "Sets it.", params: TEXT, result: NOTHING },
    ring: { kind: "command", doc: "Rings.", params: TEXT, result: NOTHING },
  },
  events: {},
  permissions: [
    { permission: "schedule", reason: "Rings later." },
    { permission: { call: "guestbook", methods: ["sign"] }, reason: "Leaves a line when it rings." },
  ],
  dataVersion: 1,
};

const WEATHER = {
  c: `#include "twin.h"
TWIN_METHOD(look) {
  twin_outcome outcome = twin_fetch((twin_text){address, size}, TWIN_TEXT(""));
  if (outcome.failed) return twin_answer(outcome.text);
  uint32_t head = *(const uint32_t *)outcome.text.at;
  return twin_answer((twin_text){outcome.text.at + 4 + head, outcome.text.size - 4 - head});
}
TWIN_METHOD(ask) {
  twin_text peer = twin_json_field((twin_text){address, size}, TWIN_TEXT("peer"));
  return twin_answer(twin_call_peer((twin_text){peer.at + 1, peer.size - 2}, TWIN_TEXT("weather"), TWIN_TEXT("here"), TWIN_TEXT("{}")).text);
}
TWIN_METHOD(here) { return twin_answer(TWIN_TEXT("\\"fine\\"")); }
`,
  rust: `mod twin;
#[no_mangle]
pub extern "C" fn look(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| match twin::fetch(payload, b"") {
        Ok((_, body)) => String::from_utf8(body).unwrap(),
        Err(failure) => failure,
    })
}
#[no_mangle]
pub extern "C" fn ask(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| {
        let peer = twin::field(payload, "peer").unwrap().trim_matches('"');
        twin::call_peer(peer, "weather", "here", "{}").unwrap_or_else(|failure| failure)
    })
}
#[no_mangle]
pub extern "C" fn here(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |_| "\\"fine\\"".to_string())
}
`,
} as const;

const WEATHER_MANIFEST = {
  ...BELL_MANIFEST,
  name: "weather",
  methods: {
    look: { kind: "task", doc: "Looks.", params: true, result: true },
    ask: { kind: "task", doc: "Asks.", params: true, result: true },
    here: { kind: "query", doc: "Says.", params: true, result: true, exposeTo: ["contacts"] },
  },
  permissions: [
    { permission: { http: ["weather.example.com"] }, reason: "Brings the weather." },
    { permission: "peer_call", reason: "Asks friends." },
  ],
};

describe.each<ForeignLanguage>(["c", "rust"])("what an author in %s begins with", (language) => {
  it("has every host function with its exact signature", async () => {
    const main = language === "c" ? everyCallInC() : EVERY_CALL_IN_RUST;
    const module = await compileForeign(await writeFolder(language, "all", main), language);
    const { imports } = admit(module, { hostInterface: HOST_INTERFACE, limits: LIMITS.sandbox });
    expect(imports.toSorted()).toEqual(Object.keys(HOST_INTERFACE).toSorted());
  });

  it("sets timers and calls other capabilities", async () => {
    const capability = await writeFolder(language, "bell", BELL[language], BELL_MANIFEST);
    const guestbook = join(root, `${language}-guestbook`);
    await newCapability(guestbook, { name: "guestbook", language: "assemblyscript" });
    await using lab = await openLab({ capability, others: [guestbook] });
    const ada = await lab.twin();
    await ada.call("begin", { text: "ding" });
    expect(await ada.call("guestbook.list")).toEqual([]);
    await lab.advance(60_000);
    expect(await ada.call("guestbook.list")).toMatchObject([{ text: "ding", atMs: lab.nowMs }]);
  });

  it("waits for servers and other twins in tasks", async () => {
    const capability = await writeFolder(language, "weather", WEATHER[language], WEATHER_MANIFEST);
    await using lab = await openLab({
      capability,
      server: ({ url }) => {
        if (url.endsWith("/down")) throw new Error("no route");
        return { body: { degrees: 20 }, headers: { "x-long": "y".repeat(999) } };
      },
    });
    const [ada, bob] = [await lab.twin(), await lab.twin()];
    expect(await ada.call("look", { url: "https://weather.example.com/Gent" })).toEqual({ degrees: 20 });
    expect(await ada.call("look", { url: "https://weather.example.com/down" })).toEqual({
      code: "TWIN_FETCH_FAILED",
      message: "no route",
    });
    expect(await ada.call("ask", { peer: bob.id })).toBe("fine");
    bob.away = true;
    expect(await ada.call("ask", { peer: bob.id })).toMatchObject({ code: "TWIN_PEER_OFFLINE" });
  });
});
