// JSON Schema for payloads: a compiled check that is quick when the value is valid, and words when it is not.

import { Compile } from "typebox/schema";
import { TwinError } from "../base/errors.ts";
import type { JsonSchema } from "./manifest.ts";
import { schemaProblem } from "./schema-policy.ts";
import { schemaViolation } from "./schema-violation.ts";

/** Checks one value: undefined when valid, else the first violation as `path: message` (the root is `$`). */
export type SchemaCheck = (value: unknown) => string | undefined;

/**
 * Compiles `schema` once for many values. The schema must not change afterwards. Throws
 * `TWIN_PACKAGE_INVALID` for schemas outside the supported subset (docs/formats/package.md).
 */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const problem = schemaProblem(schema);
  if (problem !== undefined) throw new TwinError("TWIN_PACKAGE_INVALID", `A schema cannot be used. ${problem}.`);
  const validator = Compile(schema);
  return (value) =>
    validator.Check(value) ? undefined : (schemaViolation(schema, value) ?? "$: does not fit its schema");
}
