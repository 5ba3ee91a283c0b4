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
});
