import assert from "node:assert/strict";
import { test } from "node:test";

import { delay } from "../../../static/chat/backoff.js";

test("the ceiling doubles up to fifteen seconds", () => {
  const ceilings = [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => delay(attempt, () => 1));
  assert.deepEqual(ceilings, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
});

test("the jitter is full", () => {
  assert.equal(delay(3, () => 0), 0);
  assert.equal(delay(3, () => 0.25), 1000);
});
