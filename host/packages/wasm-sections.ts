// The outline of a WebAssembly module (core specification 2.0, section 5.5): its sections, and the
// names it imports and exports. It reads no code: whether a module is valid and may run is for the
// sandbox to say.

import { TwinError } from "../base/errors.ts";
import { concatBytes, equalBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";

/** Magic and version: `\0asm`, 1. */
const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
const CUSTOM_SECTION = 0;
const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;
const SECTION_ID_MAX = 13;
const FUNCTION_KIND = 0;
/** More sections than this is a flood: 13 kinds, and the custom ones. */
const SECTION_COUNT_MAX = 14 + LIMITS.sandbox.customSectionCount;

/** One section. Offsets are in the whole file. */
export interface WasmSection {
  readonly id: number;
  /** Of a custom section. */
  readonly name?: string | undefined;
  /** Of its id byte. */
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
  /** What it holds; of a custom section without its name. A view of the file. */
  readonly content: Uint8Array;
}

/** An import of a module: from which module, under which name. */
export interface WasmImport {
  readonly module: string;
  readonly name: string;
}

/** The sections of a module in order. Throws `TWIN_PACKAGE_INVALID` for what is not a well-formed row of sections. */
export function readSections(bytes: Uint8Array): WasmSection[] {
  if (!equalBytes(bytes.subarray(0, HEADER.length), HEADER)) {
    throw broken("it does not begin as a WebAssembly module", 0);
  }
  const cursor = { bytes, offset: HEADER.length };
  const sections: WasmSection[] = [];
  while (cursor.offset < bytes.length) {
    if (sections.length === SECTION_COUNT_MAX) throw broken("it has too many sections", cursor.offset);
    sections.push(readSection(cursor));
  }
  return sections;
}

/** The bytes of a custom section of that name. */
export function customSection(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const label = utf8Encode(name);
  const body = concatBytes(encodeSize(label.length), label, content);
  return concatBytes(Uint8Array.of(CUSTOM_SECTION), encodeSize(body.length), body);
}

/** What a module asks of its host, in order. Only function imports can be told apart from others by the sandbox; here all are listed. */
export function readImports(sections: readonly WasmSection[]): WasmImport[] {
  const section = sections.find(({ id }) => id === IMPORT_SECTION);
  if (section === undefined) return [];
  const cursor = { bytes: section.content, offset: 0 };
  const imports: WasmImport[] = [];
  for (let left = readCount(cursor, LIMITS.sandbox.importCount); left > 0; left--) {
    imports.push({ module: readName(cursor), name: readName(cursor) });
    skipImportType(cursor);
  }
  return imports;
}

/** Names of the functions that a module exports, in order. */
export function readFunctionExports(sections: readonly WasmSection[]): string[] {
  const section = sections.find(({ id }) => id === EXPORT_SECTION);
  if (section === undefined) return [];
  const cursor = { bytes: section.content, offset: 0 };
  const names: string[] = [];
  for (let left = readCount(cursor, LIMITS.sandbox.exportCount); left > 0; left--) {
    const name = readName(cursor);
    const kind = readByte(cursor);
    readSize(cursor);
    if (kind === FUNCTION_KIND) names.push(name);
  }
  return names;
}

interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
}

function readSection(cursor: Cursor): WasmSection {
  const start = cursor.offset;
  const id = readByte(cursor);
  if (id > SECTION_ID_MAX) throw broken(`it has a section of the unknown kind ${id}`, start);
  const content = readBytes(cursor, readSize(cursor));
  if (id !== CUSTOM_SECTION) return { id, start, end: cursor.offset, content };
  const inner = { bytes: content, offset: 0 };
  const name = readName(inner);
  return { id, name, start, end: cursor.offset, content: content.subarray(inner.offset) };
}

// importdesc, section 5.5.5: a type index, a table type, a memory type, a global type or a tag.
function skipImportType(cursor: Cursor): void {
  const kind = readByte(cursor);
  if (kind === FUNCTION_KIND) readSize(cursor);
  else if (kind === 1) {
    readByte(cursor);
    skipBounds(cursor);
  } else if (kind === 2) skipBounds(cursor);
  else if (kind === 3) readBytes(cursor, 2);
  else throw broken(`it imports something of the unknown kind ${kind}`, cursor.offset);
}

function skipBounds(cursor: Cursor): void {
  const hasMaximum = (readByte(cursor) & 1) === 1;
  readSize(cursor);
  if (hasMaximum) readSize(cursor);
}

function readCount(cursor: Cursor, most: number): number {
  const count = readSize(cursor);
  if (count > most) throw broken(`it lists ${count} names where ${most} are allowed`, cursor.offset);
  return count;
}

function readName(cursor: Cursor): string {
  const bytes = readBytes(cursor, readSize(cursor));
  try {
    return utf8Decode(bytes);
  } catch {
    throw broken("a name in it is not UTF-8", cursor.offset);
  }
}

function readByte(cursor: Cursor): number {
  return readBytes(cursor, 1)[0]!;
}

function readBytes(cursor: Cursor, size: number): Uint8Array {
  const end = cursor.offset + size;
  if (end > cursor.bytes.length) throw broken("it ends in the middle of a section", cursor.offset);
  const part = cursor.bytes.subarray(cursor.offset, end);
  cursor.offset = end;
  return part;
}

/** An unsigned LEB128 of 32 bits: at most five bytes, the last with four bits (section 5.2.2). */
function readSize(cursor: Cursor): number {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = readByte(cursor);
    if (index === 4 && byte > 0x0f) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw broken("a number in it is longer than 32 bits", cursor.offset);
}

function encodeSize(size: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = size;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.of(...bytes, rest);
}

function broken(what: string, offset: number): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `This is not a capability package: ${what}.`, { offset });
}
