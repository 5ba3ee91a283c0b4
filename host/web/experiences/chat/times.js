// Times as a conversation tells them. Pure.

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const SHORT_WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_MS = 86_400_000;

/** @param {number} atMs */
export const clockTime = (atMs) => CLOCK.format(atMs);

/** Whole days between two moments, by the local calendar. @param {number} atMs @param {number} nowMs */
export function daysApart(atMs, nowMs) {
  return Math.round((new Date(nowMs).setHours(0, 0, 0, 0) - new Date(atMs).setHours(0, 0, 0, 0)) / DAY_MS);
}

/** For the list: "14:05", "Yesterday", "Tue", "3 May". @param {number} atMs @param {number} nowMs */
export function listTime(atMs, nowMs) {
  const days = daysApart(atMs, nowMs);
  if (days <= 0) return CLOCK.format(atMs);
  if (days === 1) return "Yesterday";
  return days < 7 ? SHORT_WEEKDAY.format(atMs) : SHORT_DATE.format(atMs);
}

/** For the separators in a thread: "Today", "Tuesday", "3 May 2026". @param {number} atMs @param {number} nowMs */
export function dayName(atMs, nowMs) {
  const days = daysApart(atMs, nowMs);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 7 ? WEEKDAY.format(atMs) : DATE.format(atMs);
}
