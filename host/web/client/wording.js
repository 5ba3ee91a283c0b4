// Numbers, times and names as people read them, for the shell and for any experience (`/-/wording.js`).
// Pure: what "now" is comes in.

const BYTE_UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "long" });
const NUMBER = new Intl.NumberFormat();
const COMPACT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** @param {number} value */
export const formatNumber = (value) => NUMBER.format(value);
/** @param {number} value */
export const formatCompact = (value) => COMPACT.format(value);
/** @param {number} atMs */
export const formatMoment = (atMs) => MOMENT.format(atMs);
/** @param {number} atMs */
export const formatClock = (atMs) => CLOCK.format(atMs);

/** Decimal units, as disks and networks are sold. @param {number} sizeBytes */
export function formatBytes(sizeBytes) {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** @param {number} durationMs */
export function formatDuration(durationMs) {
  if (durationMs < 1) return `${(durationMs * 1000).toFixed(0)} µs`;
  if (durationMs < 1000) return `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1000).toFixed(1)} s`;
  return `${Math.round(durationMs / 60_000)} min`;
}

/** "3 minutes ago", "in 2 hours". @param {number} atMs @param {number} nowMs */
export function formatRelative(atMs, nowMs) {
  const seconds = Math.round((atMs - nowMs) / 1000);
  const size = Math.abs(seconds);
  if (size < 45) return seconds <= 0 ? "just now" : "in a moment";
  if (size < 45 * 60) return RELATIVE.format(Math.round(seconds / 60), "minute");
  if (size < 22 * 3600) return RELATIVE.format(Math.round(seconds / 3600), "hour");
  return RELATIVE.format(Math.round(seconds / 86_400), "day");
}

/** "1 store", "3 stores". @param {number} amount @param {string} one @param {string} many */
export const count = (amount, one, many = `${one}s`) => `${NUMBER.format(amount)} ${amount === 1 ? one : many}`;

/** Up to two letters for an avatar. @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? "?"];
  return letters.map((word) => String.fromCodePoint(word?.codePointAt(0) ?? 63).toLocaleUpperCase()).join("");
}

/** The same hue for the same id, for avatars. @param {string} id */
export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}
