// Who is there: one person for all their tabs, missed only after a while, and told in one line.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Notices } from "../../../static/chat/notices.js";
import { People } from "../../../static/chat/people.js";
import { Typing } from "../../../static/chat/typing.js";
import { speak } from "../../../static/chat/words.js";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  speak({
    joined: "{names} joined",
    went: "{names} left",
    renamed: "{before} is now {after}",
    more: "{count} more",
    typing: { one: "{names} is typing…", other: "{names} are typing…" },
    crowdTypes: "Several",
  });
});

function begun(...handles) {
  const told = [];
  const people = new People({ changed() {}, tell: ({ kind, handle }) => told.push(`${handle} ${kind}`) });
  people.begin(handles.map((handle) => ({ person: handle, handle })), handles.length, "me");
  const frame = (person, here, handle = person) => people.take({ person, handle, here });
  return { people, told, frame };
}

test("who comes is told at once, oneself never", () => {
  const { people, told, frame } = begun("ada");
  frame("bob", true);
  frame("me", true);
  assert.deepEqual([people.count, told], [3, ["bob joined"]]);
});

test("a reload makes no noise", () => {
  const { people, told, frame } = begun("ada");
  frame("ada", false);
  mock.timers.tick(29_000);
  assert.equal(people.count, 1);
  frame("ada", true);
  mock.timers.tick(60_000);
  assert.deepEqual([people.count, told], [1, []]);
});

test("who stays away has left", () => {
  const { people, told, frame } = begun("ada", "bob");
  frame("ada", false);
  frame("ada", false);
  mock.timers.tick(31_000);
  assert.deepEqual([people.handles, told], [["bob"], ["ada left"]]);
});

test("the same person under another name is one", () => {
  const { people, told, frame } = begun("ada");
  frame("ada", true, "countess");
  assert.deepEqual([people.handles, told], [["countess"], ["countess renamed"]]);
});

test("readers without a name are counted and not told", () => {
  const { people, told, frame } = begun("ada");
  frame("x", true, null);
  assert.deepEqual([people.count, people.handles, told], [2, ["ada"], []]);
  frame("x", true, "eve");
  assert.deepEqual([people.count, told], [2, ["eve joined"]]);
});

test("after a reconnect the server's list counts, without a word", () => {
  const { people, told, frame } = begun("ada", "bob");
  frame("bob", false);
  people.begin([{ person: "cy", handle: "cy" }], 7, "me");
  mock.timers.tick(60_000);
  assert.deepEqual([people.count, people.handles, told], [7, ["cy"], []]);
});

test("what is told again changes the list without a word, unless somebody stays away", () => {
  const { people, told } = begun("ada", "bob");
  people.take({ person: "ada", handle: "countess" }, true);
  people.take({ person: "cy", handle: "cy" }, true);
  people.take({ person: "bob", handle: "bob", here: false }, true);
  assert.deepEqual([people.handles, told], [["countess", "bob", "cy"], []]);
  mock.timers.tick(31_000);
  assert.deepEqual([people.handles, told], [["countess", "cy"], ["bob left"]]);
});

test("before the welcome nothing is told: who was there is not known yet", () => {
  const told = [];
  const people = new People({ changed() {}, tell: ({ handle }) => told.push(handle) });
  people.take({ person: "ada", handle: "ada" });
  assert.deepEqual([people.count, told], [0, []]);
});

test("what cancels out is not told", () => {
  const notices = new Notices();
  const note = (person, kind) => notices.add({ person, kind, handle: person });
  note("ada", "joined");
  assert.equal(notices.text, "ada joined");
  note("bob", "joined");
  note("cy", "left");
  assert.equal(notices.text, "ada and bob joined · cy left");
  note("ada", "left");
  note("cy", "joined");
  assert.equal(notices.text, "bob joined");
});

test("of many only some are named", () => {
  const notices = new Notices();
  for (const person of ["a", "b", "c", "d", "e"]) notices.add({ person, kind: "joined", handle: person });
  assert.equal(notices.text, "a, b, c, and 2 more joined");
});

test("renaming back and forth is nothing; who joined is told by the last name", () => {
  const notices = new Notices();
  notices.add({ person: "1", kind: "renamed", before: "ada", handle: "countess" });
  assert.equal(notices.text, "ada is now countess");
  notices.add({ person: "1", kind: "renamed", before: "countess", handle: "ada" });
  assert.equal(notices.text, "");
  notices.add({ person: "2", kind: "joined", handle: "quiet otter" });
  notices.add({ person: "2", kind: "renamed", before: "quiet otter", handle: "bob" });
  assert.equal(notices.text, "bob joined");
});

function typing() {
  const seen = { sent: 0, text: "", now: 0 };
  const it = new Typing({ send: () => (seen.sent += 1), show: (text) => (seen.text = text), now: () => seen.now });
  return { seen, it };
}

test("typing is told every three seconds at most", () => {
  const { seen, it } = typing();
  for (seen.now = 0; seen.now < 6_500; seen.now += 100) it.typed();
  assert.equal(seen.sent, 3);
});

test("typing is believed for six seconds, or until the message", () => {
  const { seen, it } = typing();
  it.take({ person: "1", handle: "ada" });
  mock.timers.tick(5_000);
  it.take({ person: "2", handle: "bob" });
  assert.equal(seen.text, "ada and bob are typing…");
  mock.timers.tick(1_500);
  assert.equal(seen.text, "bob is typing…");
  it.stopped("2");
  assert.equal(seen.text, "");
  for (const person of ["1", "2", "3", "4"]) it.take({ person, handle: person });
  assert.equal(seen.text, "Several");
});

test("switched off it neither tells nor shows", () => {
  const { seen, it } = typing();
  it.take({ person: "1", handle: "ada" });
  it.turn(false);
  it.typed();
  it.take({ person: "1", handle: "ada" });
  assert.deepEqual([seen.text, seen.sent], ["", 0]);
});
