// Semantic versions (semver.org 2.0.0) without build metadata, since a package's hash names its build;
// and the ranges of versions that others depend on.

import compare from "semver/functions/compare.js";
import majorOf from "semver/functions/major.js";
import satisfies from "semver/functions/satisfies.js";
import validRange from "semver/ranges/valid.js";

const NUMBER = "(?:0|[1-9]\\d{0,8})";
const LABEL = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";

/** Anchored: `MAJOR.MINOR.PATCH` with an optional pre-release. */
export const VERSION_PATTERN = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${LABEL}(?:\\.${LABEL})*)?$`, "u");

const RANGE_LENGTH = 64;

/** Precedence (semver section 11): negative when `left` is the older, 0 when equal. Both must match {@link VERSION_PATTERN}. */
export function compareVersions(left: string, right: string): number {
  return compare(left, right);
}

/** The major version: versions of one major are meant to be compatible. */
export function majorVersion(version: string): number {
  return majorOf(version);
}

/** Whether `text` is a range such as `^1.2.0`, `>=1 <3` or `1.x || 2.x`, of at most 64 characters. */
export function isVersionRange(text: string): boolean {
  return text !== "" && text.length <= RANGE_LENGTH && validRange(text) !== null;
}

/** Whether `range` admits `version`; a pre-release only where the range names one of the same release. */
export function isInRange(version: string, range: string): boolean {
  return satisfies(version, range);
}
