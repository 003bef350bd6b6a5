// What is told of the connection. Without a page the words are their keys.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Status } from "../../../static/chat/status.js";
import { ago, speak } from "../../../static/chat/words.js";

beforeEach(() => mock.timers.reset());

/** A status, and the words it showed. */
function begun() {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const words = [];
  const region = { dataset: { state: "off" }, set textContent(text) { words.push(text); } };
  const status = new Status(region);
  return { words, status, show: (...states) => states.forEach((state) => status.show(state)) };
}

test("the first connection is told as it goes", () => {
  const { words, show } = begun();
  show("connecting", "waiting", "connecting", "open", "open");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["connecting", "waiting", "back", "open"]);
});

test("a first attempt that hangs is told after a while, and that it worked at last", () => {
  const { words, show } = begun();
  show("connecting");
  mock.timers.tick(1_400);
  assert.deepEqual(words, ["connecting"]);
  mock.timers.tick(200);
  assert.deepEqual(words, ["connecting", "waiting"]);
  show("connecting", "open");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["connecting", "waiting", "back", "open"]);
});

test("a first attempt that works soon is no news", () => {
  const { words, show } = begun();
  show("connecting");
  mock.timers.tick(1_000);
  show("open");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["connecting", "open"]);
});

test("a connection that is soon back is no news", () => {
  const { words, show } = begun();
  show("connecting", "open", "waiting", "connecting");
  mock.timers.tick(1_400);
  show("open");
  mock.timers.tick(60_000);
  assert.deepEqual(words, ["connecting", "open"]);
});

test("one that is not is told, however often it is tried meanwhile; that it is back is told for a while", () => {
  const { words, show } = begun();
  show("connecting", "open", "waiting");
  for (let n = 0; n < 6; n += 1) {
    mock.timers.tick(250);
    show("connecting", "waiting");
  }
  assert.deepEqual(words, ["connecting", "open", "waiting"]);
  show("open", "open");
  assert.equal(words.at(-1), "back");
  // Every frame that comes says that the connection is open.
  for (let n = 0; n < 30; n += 1) {
    mock.timers.tick(100);
    show("open");
  }
  assert.equal(words.at(-1), "open");
});

test("one that is lost again while it is good news that it was back", () => {
  const { words, show } = begun();
  show("open", "waiting");
  mock.timers.tick(2_000);
  show("open");
  mock.timers.tick(1_000);
  show("waiting", "connecting");
  mock.timers.tick(60_000);
  assert.equal(words.at(-1), "waiting");
});

for (const final of ["refused", "banned", "gone"]) {
  test(`“${final}” is told at once and stays`, () => {
    const { words, show } = begun();
    show("connecting", "open", "waiting", final);
    mock.timers.tick(60_000);
    assert.deepEqual(words, ["connecting", "open", final]);
  });
}

test("too many rooms: it counts down, and the attempt is no news", () => {
  speak({ crowded: "again in {count}" });
  const { words, status, show } = begun();
  show("connecting", "open");
  status.show("crowded", 3);
  mock.timers.tick(3_000);
  show("connecting");
  assert.deepEqual(words.slice(2), ["again in 3", "again in 2", "again in 1"]);
  show("open");
  assert.equal(words.at(-1), "back");
  speak({});
});

test("how long something is past", () => {
  const minute = 60_000;
  const told = [2.5 * minute, 14 * minute, 60 * minute, 25 * 60 * minute].map(ago);
  assert.deepEqual(told, ["2 minutes ago", "14 minutes ago", "1 hour ago", "1 day ago"]);
});
