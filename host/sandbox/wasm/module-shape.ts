// What admission learns about a module in its one pass: enough to meter it and to write it again.

/** Value types of the allow-list, by their encoding. */
export const VALUE_TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70 } as const;

/** A function type: encoded value types, as in {@link VALUE_TYPE}. */
export interface FunctionType {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/** Bytes of the original module, from `start` (inclusive) to `end` (exclusive). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A place in the global or element section that names a function, so that it can be renamed. */
export interface FunctionMention extends Span {
  readonly functionIndex: number;
}

/** Minimum and, when declared, maximum of a memory (pages) or table (elements). */
export interface Size {
  readonly min: number;
  readonly max: number | undefined;
}

/** An imported function. */
export interface FunctionImport {
  readonly module: string;
  readonly name: string;
  readonly typeIndex: number;
  /** Where the import stands, for refusals. */
  readonly offset: number;
}

/** An exported item; `kind` 0 is a function, 1 a table, 2 a memory, 3 a global. */
export interface ModuleExport {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
  /** Where the export stands, for refusals. */
  readonly offset: number;
}

/** The parts of a module. Sections are spans of their contents, without id and size. */
export interface ModuleShape {
  readonly bytes: Uint8Array;
  readonly sections: ReadonlyMap<number, Span>;
  readonly types: readonly FunctionType[];
  readonly imports: readonly FunctionImport[];
  /** Type of every function: the imported ones first, then the defined ones. */
  readonly functionTypes: readonly number[];
  readonly table: Size | undefined;
  readonly memory: Size | undefined;
  /** Mutability of every global. */
  readonly globals: readonly boolean[];
  readonly exports: readonly ModuleExport[];
  readonly start: number | undefined;
  readonly mentions: readonly FunctionMention[];
  /** Code of every defined function: its local declarations and instructions. */
  readonly bodies: readonly Span[];
}

/** Section ids (core 2.0, section 5.5.2). */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;
