import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Conversation } from "../../../static/chat/conversation.js";
import { Outbox } from "../../../static/chat/outbox.js";
import { Sequence } from "../../../static/chat/sequence.js";
import { Shelf } from "../../../static/chat/shelf.js";
import { FakeStorage } from "./storage.mjs";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** A conversation whose log, pending rows and wire can be looked at. */
function begun({ last = 0, storage = new FakeStorage(), clock = { now: 1_000_000 }, name, remembered } = {}) {
  const seen = { sent: [], log: [], pending: new Map(), moved: 0, busy: false, wire: true };
  Object.assign(seen, { you: [], unnamed: [], slow: [], other: [], mine: [] });
  const conversation = new Conversation({
    send: (frame) => seen.wire && seen.sent.push(frame) > 0,
    move: () => (seen.moved += 1),
    busy: (is) => (seen.busy = is),
    name: () => name?.now,
    remembered: () => remembered,
    listener: {
      you: (you) => seen.you.push(you.handle),
      unnamed: (text) => seen.unnamed.push(text),
      slow: (seconds) => seen.slow.push(seconds),
      other: (frame, again) => seen.other.push(again ? `${frame.t} again` : frame.t),
    },
    log: {
      append: (lines) => {
        seen.log.push(...lines.map((each) => each.body));
        seen.mine.push(...lines.filter((each) => each.mine).map((each) => each.body));
      },
      replace: (lines) => (seen.log = lines.map((each) => each.body)),
    },
    pending: {
      show: (entry) => seen.pending.set(entry.cid, entry.asks ? "?" : entry.fault),
      remove: (cid) => seen.pending.delete(cid),
    },
    sequence: new Sequence(last),
    outbox: new Outbox(new Shelf(storage, "tea"), () => clock.now),
  });
  return { conversation, seen, storage, clock };
}

const at = "2026-02-20T19:48:00Z";
const msg = (seq, more = {}) => ({ t: "msg", seq, handle: "ada", body: `m${seq}`, at, ...more });
const welcome = (seq, missed = [], more = {}) => ({ t: "welcome", v: 1, seq, missed, reset: false, ...more });
const taken = (seen) => seen.sent.splice(0);

const ack = (frame, seq) => ({ t: "ack", cid: frame.cid, seq, at });

test("nothing is said before the welcome, then in order, one at a time", () => {
  const { conversation, seen } = begun({ last: 4 });
  conversation.opened();
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  assert.deepEqual(taken(seen), [{ t: "hello", last: 4 }]);
  conversation.take(welcome(4));
  const [one, ...none] = taken(seen);
  assert.deepEqual([one.t, one.body, none], ["msg", "one", []]);
  conversation.take(ack(one, 5));
  assert.deepEqual(taken(seen).map((frame) => [frame.t, frame.body]), [["msg", "two"]]);
});

test("the acknowledgement shows the message; the broadcast after it is dropped", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [{ cid }] = taken(seen);
  assert.equal(seen.pending.size, 1);
  conversation.take({ t: "ack", cid, seq: 1, at });
  conversation.take(msg(1, { cid, body: "hi" }));
  assert.deepEqual([seen.log, seen.pending.size], [["hi"], 0]);
});

test("so it is the other way round", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [{ cid }] = taken(seen);
  conversation.take(msg(1, { cid, body: "hi" }));
  conversation.take({ t: "ack", cid, seq: 1, at });
  assert.deepEqual([seen.log, seen.pending.size], [["hi"], 0]);
});

test("after a reconnect what arrived is not sent again, the rest is", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "arrived");
  const [first] = taken(seen);
  seen.wire = false;
  conversation.say("ada", "lost");
  seen.wire = true;
  conversation.opened();
  conversation.take(welcome(1, [msg(1, { cid: first.cid, body: "arrived" })]));
  const [hello, second, ...none] = taken(seen);
  assert.deepEqual([hello, second.body, none], [{ t: "hello", last: 0 }, "lost", []]);
  assert.deepEqual([seen.log, [...seen.pending.keys()]], [["arrived"], [second.cid]]);
});

test("a refused message stays, with what was wrong, and can be tried again or taken back", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  conversation.take({ t: "nack", cid: frame.cid, code: "failed", text: "Try again.", retry: false });
  assert.equal(seen.pending.get(frame.cid), "Try again.");
  conversation.hello();
  conversation.take(welcome(0));
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }]);
  conversation.retry(frame.cid);
  assert.deepEqual(taken(seen), [frame]);
  assert.equal(conversation.withdraw(frame.cid), "hi");
  assert.equal(seen.pending.size, 0);
});

test("a refusal without an id is meant for the one under way; the next goes on", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  const [one] = taken(seen);
  conversation.take({ t: "nack", code: "failed", text: "No.", retry: false });
  const [two] = taken(seen);
  assert.deepEqual([seen.pending.get(one.cid), two.body, seen.pending.get(two.cid)], ["No.", "two", ""]);
});

test("while the server is busy nothing is sent again: it goes on by itself", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [{ cid }] = taken(seen);
  conversation.take({ t: "busy" });
  mock.timers.tick(29_000);
  assert.deepEqual([seen.busy, taken(seen)], [true, []]);
  conversation.take({ t: "ack", cid, seq: 1, at });
  assert.equal(seen.busy, false);
});

test("what may be tried again is, later, and nothing overtakes it", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  const [one] = taken(seen);
  conversation.take({ t: "nack", cid: one.cid, code: "slow", text: "Slow down.", retry: true });
  conversation.say("ada", "three");
  assert.deepEqual(taken(seen), []);
  mock.timers.tick(2_000);
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }]);
  conversation.take(welcome(0));
  assert.deepEqual(taken(seen), [one]);
  conversation.take(ack(one, 1));
  assert.deepEqual(taken(seen).map((frame) => frame.body), ["two"]);
});

test("what was sent and never answered is asked for, and sent again only if the server has not got it", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  mock.timers.tick(30_000);
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }]);
  conversation.take(welcome(0));
  assert.deepEqual(taken(seen), [frame]);
  mock.timers.tick(30_000);
  taken(seen);
  conversation.take(welcome(1, [msg(1, { cid: frame.cid })]));
  mock.timers.tick(120_000);
  assert.deepEqual([taken(seen), seen.pending.size], [[], 0]);
});

test("a hello that is refused or not answered is said again", () => {
  const { conversation, seen } = begun();
  conversation.opened();
  conversation.take({ t: "nack", code: "failed", text: "No.", retry: false });
  mock.timers.tick(2_000);
  mock.timers.tick(30_000);
  assert.deepEqual(taken(seen).map((frame) => frame.t), ["hello", "hello", "hello"]);
});

test("after a reconnect a refusal without an id is of the hello, not of what was sent before", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  conversation.opened();
  conversation.take({ t: "nack", code: "failed", text: "No.", retry: false });
  assert.equal(seen.pending.get(frame.cid), "");
});

test("a lost frame is made up for when the server says so", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  conversation.take({ t: "resync" });
  conversation.take(welcome(0));
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }, frame]);
});

test("old text asks first and is sent when it is wanted; what was just said is sent at once", () => {
  const { conversation, seen, clock } = begun();
  conversation.say("ada", "old");
  const [old] = seen.pending.keys();
  clock.now += 14 * 60_000;
  conversation.say("ada", "new");
  conversation.opened();
  conversation.take(welcome(0));
  const [, fresh, ...none] = taken(seen);
  assert.deepEqual([fresh.body, seen.pending.get(old), none], ["new", "?", []]);
  conversation.take(ack(fresh, 1));
  conversation.retry(old);
  assert.deepEqual(taken(seen).map((frame) => frame.cid), [old]);
});

test("old text may be thrown away", () => {
  const { conversation, seen, clock, storage } = begun();
  conversation.say("ada", "old");
  clock.now += 14 * 60_000;
  conversation.take(welcome(0));
  const [[cid, state]] = seen.pending;
  assert.equal(state, "?");
  assert.equal(conversation.withdraw(cid), "old");
  assert.deepEqual([seen.pending.size, storage.length, taken(seen)], [0, 0, []]);
});

test("old text that did arrive does not ask", () => {
  const { conversation, seen, clock } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  clock.now += 14 * 60_000;
  conversation.opened();
  conversation.take(welcome(1, [msg(1, { cid: frame.cid, body: "hi" })]));
  assert.deepEqual([seen.pending.size, seen.log], [0, ["hi"]]);
});

test("the next page goes on with what this one left, and does not show twice what is shown", () => {
  const { conversation, seen, storage } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "stored");
  conversation.say("ada", "never sent");
  const [stored] = taken(seen);
  const next = begun({ last: 1, storage });
  next.conversation.opened();
  next.conversation.take(welcome(1));
  assert.deepEqual(taken(next.seen)[1], stored);
  next.conversation.take(ack(stored, 1));
  assert.deepEqual([next.seen.log, next.seen.pending.has(stored.cid)], [[], false]);
  assert.deepEqual(taken(next.seen).map((frame) => frame.body), ["never sent"]);
});

test("what another tab got stored or refused is seen here", () => {
  const { conversation: left, storage } = begun();
  const { conversation: right, seen } = begun({ storage });
  left.say("ada", "hi");
  right.take(welcome(0));
  const [[cid]] = seen.pending;
  right.follow(cid, { ...right.parts.outbox.entries.get(cid), fault: "No." });
  assert.equal(seen.pending.get(cid), "No.");
  right.follow(cid, null);
  assert.equal(seen.pending.size, 0);
});

test("when too much waits nothing more is taken", () => {
  const { conversation } = begun();
  for (let n = 0; n < 100; n += 1) assert.equal(conversation.say("ada", "hi"), true);
  assert.equal(conversation.say("ada", "one more"), false);
});

test("an id that is taken is changed for the next attempt", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [{ cid }] = taken(seen);
  conversation.take({ t: "nack", cid, code: "conflict", text: "Taken.", retry: false });
  conversation.retry(cid);
  const [again] = taken(seen);
  assert.notEqual(again.cid, cid);
  assert.deepEqual([...seen.pending.keys()], [again.cid]);
});

test("a gap that stays is asked for", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.take(msg(2));
  assert.deepEqual([seen.log, taken(seen)], [[], []]);
  mock.timers.tick(1_000);
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }]);
  conversation.take(welcome(2, [msg(1), msg(2)]));
  assert.deepEqual(seen.log, ["m1", "m2"]);
});

test("a gap that closes by itself is not", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.take(msg(2));
  conversation.take(msg(1));
  mock.timers.tick(5_000);
  assert.deepEqual([seen.log, taken(seen)], [["m1", "m2"], []]);
});

test("a reset replaces what is shown", () => {
  const { conversation, seen } = begun({ last: 90 });
  conversation.hello();
  conversation.take(welcome(2, [msg(1), msg(2)], { reset: true }));
  conversation.take(msg(3));
  assert.deepEqual(seen.log, ["m1", "m2", "m3"]);
});

test("it moves when it is asked to", () => {
  const { conversation, seen } = begun();
  conversation.take({ t: "moving" });
  assert.equal(seen.moved, 1);
});

const you = (handle, more = {}) => ({ you: { person: "me", handle, keys: false, ...more } });

test("a name that is remembered is wished for at the beginning", () => {
  const { conversation, seen } = begun({ remembered: "ada" });
  conversation.opened();
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0, handle: "ada" }]);
});

test("a message goes out under the name it was written under, and another name is wished for after it", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0, [], you("ada")));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  conversation.rename("countess");
  for (const [seq, body] of [[1, "one"], [2, "two"]]) {
    const [message, ...none] = taken(seen);
    assert.deepEqual([message.body, message.handle, none], [body, "ada", []]);
    conversation.take(ack(message, seq));
  }
  assert.deepEqual(taken(seen), [{ t: "handle", handle: "countess" }]);
});

test("who goes on writing under the new name wishes for it with the message", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0, [], you("ada")));
  conversation.say("ada", "one");
  conversation.rename("countess");
  conversation.say("countess", "two");
  conversation.take(ack(taken(seen)[0], 1));
  const [two] = taken(seen);
  assert.deepEqual([two.t, two.handle], ["msg", "countess"]);
  conversation.take({ t: "you", person: "me", handle: "countess" });
  conversation.take(ack(two, 2));
  assert.deepEqual(taken(seen), []);
});

test("what was refused is tried again under the name of now", () => {
  const name = { now: "bob" };
  const { conversation, seen } = begun({ name });
  conversation.take(welcome(0));
  conversation.say("bob", "hi");
  const [{ cid }] = taken(seen);
  conversation.take({ t: "nack", cid, code: "taken", text: "Taken.", retry: false });
  name.now = "robert";
  conversation.retry(cid);
  assert.deepEqual(taken(seen).map(({ handle }) => handle), ["robert"]);
});

test("a server that knows no people is not asked for a name", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.rename("countess");
  assert.deepEqual(taken(seen), []);
});

test("a name that is not given is told, and is no answer to the message under way", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0, [], you("ada")));
  conversation.rename("bob");
  conversation.say("ada", "hi");
  const [wish, message] = taken(seen);
  assert.deepEqual(wish, { t: "handle", handle: "bob" });
  conversation.take({ t: "nack", code: "taken", text: "Taken.", retry: false });
  assert.deepEqual([seen.unnamed, seen.pending.get(message.cid)], [["Taken."], ""]);
  conversation.take({ t: "you", person: "me", handle: "eve", keys: true });
  assert.deepEqual(seen.you, ["ada", "eve"]);
});

test("a message whose name is taken keeps its text and asks", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("bob", "hi");
  const [{ cid }] = taken(seen);
  conversation.take({ t: "nack", cid, code: "taken", text: "Taken.", retry: false });
  assert.deepEqual([seen.unnamed, seen.pending.get(cid)], [["Taken."], "Taken."]);
});

test("who says too much waits as long as the server wants, and then goes on in the same order", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  const [one] = taken(seen);
  conversation.take({ t: "nack", cid: one.cid, code: "slow-down", text: "…", retry: true, wait: 3 });
  assert.deepEqual(seen.slow, [3]);
  mock.timers.tick(2_900);
  assert.deepEqual(taken(seen), []);
  mock.timers.tick(200);
  conversation.take(welcome(0));
  const [, again] = taken(seen);
  assert.deepEqual([again.cid, again.body], [one.cid, "one"]);
});

test("when it is over what waits says why, and keeps its text", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  const [{ cid }] = taken(seen);
  conversation.end("It is over.");
  assert.deepEqual([...seen.pending.values()], ["It is over.", "It is over."]);
  conversation.retry(cid);
  assert.deepEqual([seen.pending.get(cid), taken(seen)], ["It is over.", []]);
  assert.equal(conversation.withdraw(cid), "one");
});

test("what was told since the hello stands above its welcome, which was read before", () => {
  const { conversation, seen } = begun();
  const person = (id, handle) => ({ t: "person", person: id, handle });
  const told = () => seen.other.splice(0);
  conversation.take(person("1", "told on an earlier connection"));
  conversation.opened();
  told();
  conversation.take(person("1", null));
  conversation.take(person("1", "ada"));
  conversation.take({ t: "room", topic: "tea" });
  conversation.take({ t: "typing", person: "1" });
  conversation.take({ t: "you", person: "me", handle: "countess" });
  told();
  conversation.take(welcome(0, [], { you: { person: "me", handle: "bob" } }));
  assert.deepEqual(told(), ["welcome", "person again", "room again"]);
  assert.deepEqual(seen.you.slice(-2), ["bob", "countess"]);
  conversation.take(person("2", "told before the next hello"));
  conversation.hello();
  told();
  conversation.take(welcome(0));
  assert.deepEqual(told(), ["welcome"]);
});

test("of two hellos under way each has what was told since", () => {
  const { conversation, seen } = begun();
  conversation.opened();
  conversation.hello();
  conversation.take({ t: "person", person: "1", handle: "ada" });
  conversation.take(welcome(0));
  conversation.take({ t: "person", person: "2", handle: "bob" });
  seen.other = [];
  conversation.take(welcome(0));
  assert.deepEqual(seen.other, ["welcome", "person again", "person again"]);
});

test("one's own messages are known, also those of another tab", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0, [], you("ada")));
  conversation.say("ada", "from here");
  const [{ cid }] = taken(seen);
  conversation.take(ack({ cid }, 1));
  conversation.take(msg(2, { person: "me", body: "from the other tab" }));
  conversation.take(msg(3, { person: "somebody", body: "from another" }));
  assert.deepEqual(seen.mine, ["from here", "from the other tab"]);
});

test("what is about people and the room is passed on", () => {
  const { conversation, seen } = begun();
  for (const t of ["person", "people", "typing", "room", "deleted", "from a later version"]) conversation.take({ t });
  assert.deepEqual(seen.other, ["person", "people", "typing", "room", "deleted", "from a later version"]);
});
