import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Status } from "../../../static/chat/status.js";
import { ago } from "../../../static/chat/time.js";

beforeEach(() => mock.timers.reset());

/** A status, and the words it showed. */
function begun() {
  mock.timers.enable({ apis: ["setTimeout"] });
  const words = [];
  const region = { dataset: { state: "off" }, set textContent(text) { words.push(text); } };
  const status = new Status(region);
  return { words, show: (...states) => states.forEach((state) => status.show(state)) };
}

test("the first connection is told as it goes", () => {
  const { words, show } = begun();
  show("connecting", "waiting", "connecting", "open", "open");
  assert.deepEqual(words, ["Connecting…", "Reconnecting…", "Connected"]);
});

test("a connection that is soon back is no news", () => {
  const { words, show } = begun();
  show("connecting", "open", "waiting", "connecting");
  mock.timers.tick(900);
  show("open");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["Connecting…", "Connected"]);
});

test("one that is not is told, however often it is tried meanwhile", () => {
  const { words, show } = begun();
  show("connecting", "open", "waiting");
  for (let n = 0; n < 4; n += 1) {
    mock.timers.tick(250);
    show("connecting", "waiting");
  }
  assert.deepEqual(words, ["Connecting…", "Connected", "Reconnecting…"]);
  show("open");
  assert.equal(words.at(-1), "Connected");
});

test("a refusal is told at once", () => {
  const { words, show } = begun();
  show("connecting", "open", "waiting", "refused");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["Connecting…", "Connected", "There can be no such room"]);
});

test("how long something is past", () => {
  const minute = 60_000;
  const said = [2.5 * minute, 14 * minute, 60 * minute, 25 * 60 * minute].map(ago);
  assert.deepEqual(said, ["2 minutes ago", "14 minutes ago", "1 hour ago", "1 day ago"]);
});
