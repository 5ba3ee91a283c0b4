// Text to WebAssembly, for tests that speak of guests.

import wabtInit from "wabt";

const wabt = await wabtInit();

const FEATURES = {
  exceptions: true,
  threads: true,
  tail_call: true,
  memory64: true,
  extended_const: true,
  relaxed_simd: true,
  function_references: true,
  multi_memory: true,
};

/** The module of `text` (`.wat`), which is not validated. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat("guest.wat", text, FEATURES);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** The module of an ABI-conforming guest whose memory and allocator (always 1024) are given; `fields` are the rest. */
export function assembleGuest(fields: string, memory = "1"): Uint8Array<ArrayBuffer> {
  return assemble(guestText(fields, memory));
}

/** The text that {@link assembleGuest} assembles: imports must come first, so `fields` go before the memory. */
export function guestText(fields: string, memory = "1"): string {
  return `(module ${fields}
    (memory (export "memory") ${memory})
    (func (export "twin_alloc") (param i32) (result i32) (i32.const 1024)))`;
}

/** An ABI-conforming guest with one more function, `() -> ()`, of these instructions: for what the assembler chokes on. */
export function guestOfCode(instructions: readonly number[]): Uint8Array<ArrayBuffer> {
  const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
  const body = [0, ...instructions, 0x0b];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, [2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...text("memory"), 2, 0, ...text("twin_alloc"), 0, 0]),
    ...section(10, [2, 5, 0, 0x41, 0x80, 0x08, 0x0b, ...leb(body.length), ...body]),
  ]);
}

/** An ABI-conforming guest whose method `run` calls a function of these instructions, with so many locals of type i64. */
export function guestOfMethod(instructions: readonly number[], localCount = 0): Uint8Array<ArrayBuffer> {
  const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
  const body = [1, ...leb(localCount), 0x7e, ...instructions, 0x0b];
  const code = [3, 5, 0, 0x41, 0x80, 0x08, 0x0b, ...leb(body.length), ...body, 6, 0, 0x10, 1, 0x42, 0, 0x0b];
  return Uint8Array.from(
    [
      [...HEADER],
      section(1, [3, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7f, 1, 0x7e]),
      section(3, [3, 0, 1, 2]),
      section(5, [1, 0, 1]),
      section(7, [3, ...text("memory"), 2, 0, ...text("twin_alloc"), 0, 0, ...text("run"), 0, 2]),
      section(10, code),
    ].flat(),
  );
}

/** `module` with a section appended behind its last one. */
export function appendSection(module: Uint8Array, id: number, content: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...module, ...section(id, content)]);
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const;

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
