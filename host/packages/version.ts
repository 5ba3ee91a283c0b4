// Semantic versions (semver.org 2.0.0) without build metadata: a package's hash names its build.

const NUMBER = "(0|[1-9]\\d{0,8})";
const LABEL = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";

/** Anchored: `MAJOR.MINOR.PATCH` with an optional pre-release. */
export const VERSION_PATTERN = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${LABEL}(?:\\.${LABEL})*))?$`, "u");

/** Precedence (semver section 11): negative when `left` is the older, 0 when equal. Both must match {@link VERSION_PATTERN}. */
export function compareVersions(left: string, right: string): number {
  const [ours, theirs] = [parseVersion(left), parseVersion(right)];
  for (const [index, part] of ours.release.entries()) {
    const difference = part - theirs.release[index]!;
    if (difference !== 0) return difference;
  }
  return comparePreReleases(ours.preRelease, theirs.preRelease);
}

function parseVersion(version: string): { release: readonly number[]; preRelease: readonly string[] } {
  const parts = VERSION_PATTERN.exec(version);
  if (parts === null) throw new RangeError(`"${version}" is not a semantic version.`);
  return { release: parts.slice(1, 4).map(Number), preRelease: parts[4]?.split(".") ?? [] };
}

function comparePreReleases(ours: readonly string[], theirs: readonly string[]): number {
  // A version without a pre-release is newer than any of its pre-releases.
  if (ours.length === 0 || theirs.length === 0) return theirs.length - ours.length;
  for (let index = 0; index < Math.min(ours.length, theirs.length); index++) {
    const difference = compareLabels(ours[index]!, theirs[index]!);
    if (difference !== 0) return difference;
  }
  return ours.length - theirs.length;
}

function compareLabels(ours: string, theirs: string): number {
  const [ourNumber, theirNumber] = [/^\d+$/u.test(ours), /^\d+$/u.test(theirs)];
  if (ourNumber && theirNumber) return ours.length - theirs.length || compareText(ours, theirs);
  if (ourNumber !== theirNumber) return ourNumber ? -1 : 1;
  return compareText(ours, theirs);
}

function compareText(ours: string, theirs: string): number {
  if (ours === theirs) return 0;
  return ours < theirs ? -1 : 1;
}
