// Times for people, in their own zone and language.

const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** @param {Date} at */
export function clock(at) {
  return TIME.format(at);
}

/** @param {Date} at */
export function full(at) {
  return FULL.format(at);
}

/** The local day, for comparing: 2026-02-20. @param {Date} at */
export function dayOf(at) {
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** @param {Date} at @param {Date} [now] @returns {"today" | "yesterday" | null} */
export function nearDay(at, now = new Date()) {
  if (dayOf(at) === dayOf(now)) return "today";
  // Not 24 hours ago: days have 23 and 25 of them, too.
  const before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return dayOf(at) === dayOf(before) ? "yesterday" : null;
}

/** @param {Date} at @param {Date} [now] */
export function dayName(at, now = new Date()) {
  return (at.getFullYear() === now.getFullYear() ? DAY : DAY_OF_YEAR).format(at);
}
