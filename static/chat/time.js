// Times for people, in their own zone and language.

const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY_AND_TIME = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** The time of today, with the day for any other. @param {Date} at @param {Date} [now] */
export function clock(at, now = new Date()) {
  return (at.toDateString() === now.toDateString() ? TIME : DAY_AND_TIME).format(at);
}

/** @param {Date} at */
export function full(at) {
  return FULL.format(at);
}
