// Gives a module that imports its memory one of its own, exported as "memory".

import { ByteReader } from "../../host/sandbox/wasm/byte-reader.ts";
import { ByteWriter } from "../../host/sandbox/wasm/byte-writer.ts";
import { SECTION } from "../../host/sandbox/wasm/module-shape.ts";

const HEADER_SIZE = 8;
const KIND_MEMORY = 2;

/** The module with its memory import, which must be its only import that is no function, turned into a memory. */
export function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader(bytes);
  reader.skip(HEADER_SIZE);
  const output = new ByteWriter(bytes.length + 64).raw(bytes.subarray(0, HEADER_SIZE));
  let limits: Uint8Array | undefined;
  while (!reader.done) {
    const id = reader.u8();
    const content = reader.sub(reader.u32());
    const raw = bytes.subarray(content.offset, content.end);
    // The memory section stands right behind that of tables.
    if (limits !== undefined && id > SECTION.memory && id !== SECTION.custom) {
      output.u8(SECTION.memory).sized(new ByteWriter().u32(1).raw(limits));
      limits = undefined;
    }
    if (id === SECTION.import) {
      const { kept, memory } = splitImports(content);
      limits = memory;
      output.u8(id).sized(kept);
    } else if (id === SECTION.export) {
      const count = content.u32();
      const rest = new ByteWriter().u32(count + 1).raw(bytes.subarray(content.offset, content.end));
      output.u8(id).sized(rest.name("memory").u8(KIND_MEMORY, 0));
    } else {
      output.u8(id).sized(new ByteWriter().raw(raw));
    }
  }
  return output.toBytes();
}

function splitImports(reader: ByteReader): { kept: ByteWriter; memory: Uint8Array } {
  const count = reader.u32();
  const kept = new ByteWriter().u32(count - 1);
  let memory: Uint8Array | undefined;
  for (let index = 0; index < count; index++) {
    const start = reader.offset;
    reader.name();
    reader.name();
    const kind = reader.u8();
    const described = reader.offset;
    if (kind === KIND_MEMORY) {
      const bounded = reader.u8() === 1;
      reader.u32();
      if (bounded) reader.u32();
      memory = reader.bytes.subarray(described, reader.offset);
    } else {
      reader.u32();
      kept.raw(reader.bytes.subarray(start, reader.offset));
    }
  }
  if (memory === undefined) throw new Error("The module imports no memory");
  return { kept, memory };
}
