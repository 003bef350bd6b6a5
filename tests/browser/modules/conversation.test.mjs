import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Conversation } from "../../../static/chat/conversation.js";
import { Outbox } from "../../../static/chat/outbox.js";
import { Sequence } from "../../../static/chat/sequence.js";

/** A conversation whose log, pending rows and wire can be looked at. */
function begun({ last = 0 } = {}) {
  const seen = { sent: [], log: [], pending: new Map(), moved: 0, busy: false, wire: true };
  const conversation = new Conversation({
    send: (frame) => seen.wire && seen.sent.push(frame) > 0,
    move: () => (seen.moved += 1),
    busy: (is) => (seen.busy = is),
    log: {
      append: (lines) => seen.log.push(...lines.map((each) => each.body)),
      replace: (lines) => (seen.log = lines.map((each) => each.body)),
    },
    pending: { show: (entry) => seen.pending.set(entry.cid, entry.fault), remove: (cid) => seen.pending.delete(cid) },
    sequence: new Sequence(last),
    outbox: new Outbox(),
  });
  return { conversation, seen };
}

const at = "2026-02-20T19:48:00Z";
const msg = (seq, more = {}) => ({ t: "msg", seq, handle: "ada", body: `m${seq}`, at, ...more });
const welcome = (seq, missed = [], more = {}) => ({ t: "welcome", v: 1, seq, missed, reset: false, ...more });
const taken = (seen) => seen.sent.splice(0);

test("nothing is said before the welcome, then in order", () => {
  const { conversation, seen } = begun({ last: 4 });
  conversation.hello();
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  assert.deepEqual(taken(seen), [{ t: "hello", last: 4 }]);
  conversation.take(welcome(4));
  assert.deepEqual(taken(seen).map((frame) => [frame.t, frame.body]), [["msg", "one"], ["msg", "two"]]);
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
  conversation.say("ada", "lost");
  const [first, second] = taken(seen);
  conversation.hello();
  conversation.take(welcome(1, [msg(1, { cid: first.cid, body: "arrived" })]));
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }, second]);
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

test("a refusal without an id is meant for the oldest", () => {
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "one");
  conversation.say("ada", "two");
  const [one, two] = taken(seen);
  conversation.take({ t: "nack", code: "failed", text: "No.", retry: false });
  assert.deepEqual([seen.pending.get(one.cid), seen.pending.get(two.cid)], ["No.", ""]);
});

test("while the server is busy nothing is sent again: it goes on by itself", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [{ cid }] = taken(seen);
  conversation.take({ t: "busy" });
  mock.timers.tick(60_000);
  assert.deepEqual([seen.busy, taken(seen)], [true, []]);
  conversation.take({ t: "ack", cid, seq: 1, at });
  assert.equal(seen.busy, false);
  mock.timers.reset();
});

test("what may be tried again is, later", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.say("ada", "hi");
  const [frame] = taken(seen);
  conversation.take({ t: "nack", code: "slow", text: "Slow down.", retry: true });
  assert.deepEqual(taken(seen), []);
  mock.timers.tick(2_000);
  assert.deepEqual(taken(seen), [frame]);
  mock.timers.reset();
});

test("a gap that stays is asked for", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.take(msg(2));
  assert.deepEqual([seen.log, taken(seen)], [[], []]);
  mock.timers.tick(1_000);
  assert.deepEqual(taken(seen), [{ t: "hello", last: 0 }]);
  conversation.take(welcome(2, [msg(1), msg(2)]));
  assert.deepEqual(seen.log, ["m1", "m2"]);
  mock.timers.reset();
});

test("a gap that closes by itself is not", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { conversation, seen } = begun();
  conversation.take(welcome(0));
  conversation.take(msg(2));
  conversation.take(msg(1));
  mock.timers.tick(5_000);
  assert.deepEqual([seen.log, taken(seen)], [["m1", "m2"], []]);
  mock.timers.reset();
});

test("a reset replaces what is shown", () => {
  const { conversation, seen } = begun({ last: 90 });
  conversation.hello();
  conversation.take(welcome(2, [msg(1), msg(2)], { reset: true }));
  conversation.take(msg(3));
  assert.deepEqual(seen.log, ["m1", "m2", "m3"]);
});

test("it moves when it is asked to", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { conversation, seen } = begun();
  conversation.take({ t: "moving" });
  mock.timers.tick(3_000);
  assert.equal(seen.moved, 1);
  mock.timers.reset();
});
