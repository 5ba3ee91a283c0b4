// A real module to measure with, the built-in capability `echo`, and modules of any size made of it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const BUILD = join(import.meta.dirname, "../../../capabilities/build");

/** The echo capability as it is installed, about 20 KB. */
export function readEchoCapability(): Uint8Array<ArrayBuffer> {
  const name = readdirSync(BUILD).find((file) => file.startsWith("echo-"));
  if (name === undefined) throw new Error(`Expected the built capability echo in ${BUILD}: run "npm run build" once.`);
  return new Uint8Array(readFileSync(join(BUILD, name)));
}

const HEADER_SIZE = 8;
const FUNCTION_SECTION = 3;
const CODE_SECTION = 10;

/** `wasm` with its functions repeated behind themselves until it has about `sizeBytes`. Copies call the originals. */
export function enlargeModule(wasm: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const sections = readSections(wasm);
  const codeSize = sections.find(({ id }) => id === CODE_SECTION)!.content.length;
  const copies = Math.max(1, Math.round((sizeBytes - wasm.length) / codeSize) + 1);
  const parts = sections.map(({ id, content }) =>
    section(id, id === FUNCTION_SECTION || id === CODE_SECTION ? repeatVector(content, copies) : content),
  );
  return new Uint8Array(Buffer.concat([wasm.subarray(0, HEADER_SIZE), ...parts]));
}

interface Section {
  readonly id: number;
  readonly content: Uint8Array;
}

function readSections(wasm: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let at = HEADER_SIZE; at < wasm.length;) {
    const id = wasm[at]!;
    const { value: size, next } = readUnsigned(wasm, at + 1);
    sections.push({ id, content: wasm.subarray(next, next + size) });
    at = next + size;
  }
  return sections;
}

/** A vector is a count and its elements. */
function repeatVector(content: Uint8Array, copies: number): Uint8Array {
  const { value: count, next } = readUnsigned(content, 0);
  return Buffer.concat([unsigned(count * copies), ...Array.from({ length: copies }, () => content.subarray(next))]);
}

function section(id: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(id), unsigned(content.length), content]);
}

/** LEB128 (WebAssembly core specification, section 5.2.2). */
function readUnsigned(bytes: Uint8Array, start: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let next = start; ; next++) {
    const byte = bytes[next]!;
    value |= (byte & 0x7f) << (7 * (next - start));
    if (byte < 0x80) return { value, next: next + 1 };
  }
}

function unsigned(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
