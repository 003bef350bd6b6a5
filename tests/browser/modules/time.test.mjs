// Days as a reader counts them: by the calendar, not by 24 hours.

import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin";
const { dayOf, nearDay } = await import("../../../static/chat/time.js");

test("a day is the reader's own", () => {
  assert.equal(dayOf(new Date("2026-02-20T23:30:00Z")), "2026-02-21");
  assert.equal(dayOf(new Date("2026-02-20T22:30:00Z")), "2026-02-20");
});

test("today and yesterday, and no other day", () => {
  const now = new Date("2026-02-21T00:10:00+01:00");
  assert.equal(nearDay(new Date("2026-02-21T00:05:00+01:00"), now), "today");
  assert.equal(nearDay(new Date("2026-02-20T00:05:00+01:00"), now), "yesterday");
  assert.equal(nearDay(new Date("2026-02-19T23:59:00+01:00"), now), null);
});

test("the day before is yesterday where a day has 25 hours", () => {
  // On 25 October 2026 the clocks go back: 24 hours before a quarter to midnight it was a quarter to one on the same day.
  const late = new Date("2026-10-25T23:45:00+01:00");
  assert.equal(nearDay(new Date(late.getTime() - 24 * 3_600_000), late), "today");
  assert.equal(nearDay(new Date("2026-10-24T23:59:00+02:00"), late), "yesterday");
  const early = new Date("2026-03-30T00:30:00+02:00");
  assert.equal(nearDay(new Date("2026-03-29T00:30:00+01:00"), early), "yesterday");
});
