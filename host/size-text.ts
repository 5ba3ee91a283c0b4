// Sizes as people write them.

import { TwinError } from "./base/errors.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes of `10GB`, `1.5 TB` or `4096`: decimal units. Throws `TWIN_INPUT_INVALID`. */
export function parseSize(text: string): number {
  const [, number, unit = "B"] = /^(\d+(?:\.\d+)?) ?([kMGT]?B)?$/u.exec(text) ?? [];
  const bytes = number === undefined ? Number.NaN : Math.round(Number(number) * 1_000 ** UNITS.indexOf(unit));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new TwinError("TWIN_INPUT_INVALID", `"${text}" is no size: expected 10GB, 500MB or 0.`);
}
