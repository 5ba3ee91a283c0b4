// The guide's program, run as it is printed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { expect, it } from "vitest";

import { assembleGuest } from "../../support/assemble.ts";

const ROOT = join(import.meta.dirname, "../../..");
const GUIDE = join(ROOT, "docs/guides/run-strangers-code.md");

/** Answers "hello " and its payload; shouts the payload. */
const GREETER = `(import "twin" "shout" (func $shout (param i32 i32))) (data (i32.const 2048) "hello ")
  (func (export "greet") (param i32 i32) (result i64)
    (call $shout (local.get 0) (local.get 1))
    (memory.copy (i32.const 2054) (local.get 0) (local.get 1))
    (i64.or (i64.const ${2048n << 32n}) (i64.extend_i32_u (i32.add (local.get 1) (i32.const 6)))))
  (func (export "loop") (param i32 i32) (result i64) (loop (br 0)) (unreachable))`;

it("prints what the guide promises", () => {
  const [, program] = /```ts\n(.+?)```/su.exec(readFileSync(GUIDE, "utf8"))!;
  const folder = mkdtempSync(join(tmpdir(), "sandbox-guide-"));
  try {
    writeFileSync(join(folder, "greeter.wasm"), assembleGuest(GREETER));
    const door = pathToFileURL(join(ROOT, "host/sandbox.ts")).href;
    writeFileSync(join(folder, "program.ts"), program!.replace("digital-twin-host/sandbox", door));
    const output = execFileSync(process.execPath, ["program.ts"], { cwd: folder, encoding: "utf8" });
    // twin_alloc 7; greet: entry 6, call 2 + 6, shout 100, copy 33, answer 6.
    expect(output).toBe("ADA\nhello ada 160\nTWIN_GUEST_FUEL\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
