// Takes the place of json-as 1.6.0's assembly/serialize/index/string.ts. The original writes strings in
// blocks of 8 (or, with SIMD, 16) bytes and breaks a surrogate pair, any emoji, that lies across two
// of them; its plain form, used here, is right.

export { serializeString_NAIVE as serializeString } from "../naive/string";
