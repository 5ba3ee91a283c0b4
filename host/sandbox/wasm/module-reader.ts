// Reads a module in one pass and refuses what is not on the allow-list. It runs on bytes that V8
// has found valid, and still trusts none of them. WebAssembly core 2.0, section 5.5.

import { LIMITS } from "../../base/limits.ts";
import { checkLimit, refuseFeature, refusal } from "../refusal.ts";
import { ByteReader } from "./byte-reader.ts";
import { readElements, readDataSegments, skipConstantExpression } from "./segment-reader.ts";
import type {
  FunctionImport,
  FunctionMention,
  FunctionType,
  ModuleExport,
  ModuleShape,
  Size,
  Span,
} from "./module-shape.ts";
import { SECTION } from "./module-shape.ts";
import { readReferenceType, readValueType } from "./value-type.ts";

const HEADER_SIZE = 8;

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

interface Draft extends Mutable<ModuleShape> {
  sections: Map<number, Span>;
  types: FunctionType[];
  imports: FunctionImport[];
  functionTypes: number[];
  globals: boolean[];
  exports: ModuleExport[];
  mentions: FunctionMention[];
  bodies: Span[];
}

/** The parts of a valid module. Throws `TWIN_MODULE_FEATURE`, `_IMPORT`, `_LIMIT` or `_INVALID`. */
export function readModule(bytes: Uint8Array): ModuleShape {
  const draft: Draft = {
    bytes,
    sections: new Map(),
    types: [],
    imports: [],
    functionTypes: [],
    table: undefined,
    memory: undefined,
    globals: [],
    exports: [],
    start: undefined,
    mentions: [],
    bodies: [],
  };
  const reader = new ByteReader(bytes);
  reader.skip(HEADER_SIZE);
  let customCount = 0;
  while (!reader.done) {
    const offset = reader.offset;
    const id = reader.u8();
    const content = reader.sub(reader.u32());
    if (id === SECTION.custom) {
      customCount++;
      checkLimit({ what: "custom sections", found: customCount, limit: LIMITS.sandbox.customSectionCount, offset });
      continue;
    }
    draft.sections.set(id, { start: content.offset, end: content.end });
    readSection(draft, id, content);
    content.finish();
  }
  return draft;
}

function readSection(draft: Draft, id: number, reader: ByteReader): void {
  switch (id) {
    case SECTION.type:
      return readTypes(draft, reader);
    case SECTION.import:
      return readImports(draft, reader);
    case SECTION.function:
      return readFunctions(draft, reader);
    case SECTION.table:
      return readTables(draft, reader);
    case SECTION.memory:
      return readMemories(draft, reader);
    case SECTION.global:
      return readGlobals(draft, reader);
    case SECTION.export:
      return readExports(draft, reader);
    case SECTION.start:
      draft.start = reader.u32();
      return;
    case SECTION.element:
      readElements(reader, draft.mentions);
      return;
    case SECTION.dataCount:
      reader.u32();
      return;
    case SECTION.code:
      return readBodies(draft, reader);
    case SECTION.data:
      return readDataSegments(reader);
    case SECTION.tag:
      throw refuseFeature("exception-handling", reader.offset);
    default:
      throw refuseFeature("unknown-feature", reader.offset);
  }
}

/** The length of a vector, checked against its limit before anything is read. */
function readCount(reader: ByteReader, what: string, limit: number): number {
  const offset = reader.offset;
  const found = reader.u32();
  checkLimit({ what, found, limit, offset });
  return found;
}

function readTypes(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "types", LIMITS.sandbox.typeCount);
  for (let index = 0; index < count; index++) {
    const offset = reader.offset;
    const form = reader.u8();
    if (form === 0x4e || form === 0x4f || form === 0x50 || form === 0x5e || form === 0x5f) {
      throw refuseFeature("garbage-collection", offset);
    }
    if (form !== 0x60) throw refuseFeature("unknown-feature", offset);
    const params = readTypeList(reader, "params", LIMITS.sandbox.typeParamCount);
    const results = readTypeList(reader, "results", LIMITS.sandbox.typeResultCount);
    draft.types.push({ params, results });
  }
}

function readTypeList(reader: ByteReader, what: string, limit: number): number[] {
  const count = readCount(reader, what, limit);
  return Array.from({ length: count }, () => readValueType(reader));
}

function readImports(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "imports", LIMITS.sandbox.importCount);
  for (let index = 0; index < count; index++) {
    const offset = reader.offset;
    const module = readName(reader);
    const name = readName(reader);
    const kind = reader.u8();
    if (kind !== 0) {
      const what = ["a function", "a table", "a memory", "a global", "a tag"][kind] ?? "something unknown";
      const reason = `it imports ${what} "${name}" of "${module}"; only functions can be; define it in the module`;
      throw refusal("TWIN_MODULE_IMPORT", { rule: "import-kind", offset, reason });
    }
    const typeIndex = reader.u32();
    draft.imports.push({ module, name, typeIndex, offset });
    draft.functionTypes.push(typeIndex);
  }
}

function readName(reader: ByteReader): string {
  const { offset } = reader;
  const name = reader.name();
  const found = reader.offset - offset;
  checkLimit({ what: "bytes in a name", found, limit: LIMITS.sandbox.nameSizeBytes, offset });
  return name;
}

function readFunctions(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "functions", LIMITS.sandbox.functionCount);
  for (let index = 0; index < count; index++) draft.functionTypes.push(reader.u32());
}

function readTables(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "tables", 1);
  if (count === 0) return;
  const offset = reader.offset;
  if (reader.peek() === 0x40) throw refuseFeature("typed-function-references", offset);
  readReferenceType(reader);
  draft.table = readSize(reader);
  checkLimit({ what: "table elements", found: draft.table.min, limit: LIMITS.sandbox.tableElementCount, offset });
}

function readMemories(draft: Draft, reader: ByteReader): void {
  const offset = reader.offset;
  const count = reader.u32();
  if (count > 1) throw refuseFeature("multi-memory", offset);
  if (count === 1) draft.memory = readSize(reader);
}

function readSize(reader: ByteReader): Size {
  const offset = reader.offset;
  const flags = reader.u8();
  if (flags & 0x02) throw refuseFeature("threads", offset);
  if (flags & 0x04) throw refuseFeature("memory64", offset);
  if (flags & 0x08) throw refuseFeature("custom-page-sizes", offset);
  if (flags > 1) throw refuseFeature("unknown-feature", offset);
  const min = reader.u32();
  return { min, max: flags === 1 ? reader.u32() : undefined };
}

function readGlobals(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "globals", LIMITS.sandbox.globalCount);
  for (let index = 0; index < count; index++) {
    readValueType(reader);
    const offset = reader.offset;
    const mutability = reader.u8();
    if (mutability > 1) throw refuseFeature("threads", offset);
    draft.globals.push(mutability === 1);
    skipConstantExpression(reader, draft.mentions);
  }
}

function readExports(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "exports", LIMITS.sandbox.exportCount);
  for (let index = 0; index < count; index++) {
    const offset = reader.offset;
    draft.exports.push({ offset, name: readName(reader), kind: reader.u8(), index: reader.u32() });
  }
}

function readBodies(draft: Draft, reader: ByteReader): void {
  const count = readCount(reader, "functions", LIMITS.sandbox.functionCount);
  for (let index = 0; index < count; index++) {
    const size = readCount(reader, "bytes in a function body", LIMITS.sandbox.functionBodySizeBytes);
    draft.bodies.push({ start: reader.offset, end: reader.offset + size });
    reader.skip(size);
  }
}
