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

const AGO = new Intl.RelativeTimeFormat("en");
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];

/** How long it is past, in the largest unit that fits. @param {number} ms */
export function ago(ms) {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? UNITS[2];
  return AGO.format(-Math.floor(ms / size), unit);
}

/** @param {Date} at */
export function full(at) {
  return FULL.format(at);
}
