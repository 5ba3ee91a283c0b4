// Value types of the allow-list: numbers, v128 and plain funcref. Core 2.0, section 5.3.

import { refuseFeature } from "../refusal.ts";
import type { ByteReader } from "./byte-reader.ts";
import { VALUE_TYPE } from "./module-shape.ts";

const VALUE_TYPES: ReadonlySet<number> = new Set(Object.values(VALUE_TYPE));

/** Whether `byte` encodes an allowed value type. */
export function isValueType(byte: number): boolean {
  return VALUE_TYPES.has(byte);
}

/** One encoded value type. Throws `TWIN_MODULE_FEATURE` when it is not allowed. */
export function readValueType(reader: ByteReader): number {
  const offset = reader.offset;
  const type = reader.u8();
  checkValueType(type, offset);
  return type;
}

/** Throws `TWIN_MODULE_FEATURE` unless `type`, found at `offset`, is an allowed value type. */
export function checkValueType(type: number, offset: number): void {
  if (isValueType(type)) return;
  if (type === 0x6f) throw refuseFeature("reference-types", offset);
  if (type === 0x69 || type === 0x74) throw refuseFeature("exception-handling", offset);
  if (type === 0x63 || type === 0x64) throw refuseFeature("typed-function-references", offset);
  throw refuseFeature("garbage-collection", offset);
}

/** A reference type, which must be plain funcref. */
export function readReferenceType(reader: ByteReader): void {
  checkValueType(reader.u8(), reader.offset - 1);
}
