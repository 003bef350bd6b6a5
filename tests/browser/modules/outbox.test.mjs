import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../../static/chat/outbox.js";
import { Shelf } from "../../../static/chat/shelf.js";
import { FakeStorage } from "./storage.mjs";

const MINUTE = 60_000;

/** The tabs of a room: each an outbox of its own, with one storage and one clock. */
function browser({ storage = new FakeStorage(), room = "tea" } = {}) {
  const clock = { now: 1_000_000 };
  return { clock, storage, tab: (label = room) => new Outbox(new Shelf(storage, label), () => clock.now) };
}

const bodies = (entries) => entries.map((entry) => entry.body);
/** Everything that would be sent, one after the other. */
function sendable(outbox) {
  const sent = [];
  for (let entry; ({ entry } = outbox.next()).entry && entry; ) sent.push(outbox.settle(entry.cid).body);
  return sent;
}

test("what was said is there after a reload, in its order", () => {
  const { tab, clock } = browser();
  const before = tab();
  for (const body of ["one", "two", "three"]) before.add("ada", body);
  clock.now += 10;
  before.add("ada", "four");
  const after = tab();
  assert.deepEqual(bodies(after.adopt()), ["one", "two", "three", "four"]);
  assert.deepEqual(sendable(after), ["one", "two", "three", "four"]);
});

test("it keeps the id and the name it was said under", () => {
  const { tab } = browser();
  const { cid } = tab().add("ada", "hi");
  const [entry] = tab().adopt();
  assert.deepEqual([entry.cid, entry.handle, entry.fault, entry.asks], [cid, "ada", "", false]);
});

test("what is stored is not there any more", () => {
  const { tab } = browser();
  const outbox = tab();
  const [one] = [outbox.add("ada", "one"), outbox.add("ada", "two")];
  outbox.settle(one.cid);
  assert.deepEqual(bodies(tab().adopt()), ["two"]);
});

test("a page that was served with a message takes it off the shelf before it looks there", () => {
  const { tab } = browser();
  const { cid } = tab().add("ada", "hi");
  const after = tab();
  after.settle(cid);
  assert.deepEqual(after.adopt(), []);
});

test("another room's is another room's", () => {
  const { tab } = browser();
  tab("tea").add("ada", "hi");
  assert.deepEqual(tab("te").adopt(), []);
  assert.deepEqual(tab("tea-2").adopt(), []);
});

test("two tabs that write in turns lose nothing and keep the order of all", () => {
  const { tab, clock, storage } = browser();
  const [left, right] = [tab(), tab()];
  for (let n = 0; n < 6; n += 1) {
    clock.now += 5;
    (n % 2 ? left : right).add("ada", `line ${n}`);
  }
  left.settle(left.add("ada", "gone").cid);
  assert.equal(storage.length, 6);
  assert.deepEqual(bodies(tab().adopt()), [0, 1, 2, 3, 4, 5].map((n) => `line ${n}`));
  assert.deepEqual(bodies(left.adopt()), ["line 0", "line 2", "line 4"]);
  assert.deepEqual(sendable(left), [0, 1, 2, 3, 4, 5].map((n) => `line ${n}`));
});

test("a clock that is put back does not change the order", () => {
  const { tab, clock } = browser();
  const outbox = tab();
  outbox.add("ada", "one");
  clock.now -= 10 * MINUTE;
  outbox.add("ada", "two");
  assert.deepEqual(sendable(outbox), ["one", "two"]);
});

test("what is older than two minutes asks, what was said after it does not wait", () => {
  const { tab, clock } = browser();
  const outbox = tab();
  const { cid } = outbox.add("ada", "old");
  clock.now += 2 * MINUTE + 1;
  outbox.add("ada", "new");
  const { entry, old } = outbox.next();
  assert.deepEqual([entry.body, bodies(old), old[0].asks], ["new", ["old"], true]);
  assert.deepEqual(outbox.next().old, []);
  outbox.settle(entry.cid);
  assert.equal(outbox.next().entry, undefined);
  assert.equal(outbox.renew(cid).at, old[0].at);
  assert.equal(outbox.next().entry.body, "old");
});

test("exactly two minutes are not too old", () => {
  const { tab, clock } = browser();
  const outbox = tab();
  outbox.add("ada", "hi");
  clock.now += 2 * MINUTE;
  assert.equal(outbox.next().entry.body, "hi");
});

test("old text asks after a reload as well, and again if it still could not be sent", () => {
  const { tab, clock } = browser();
  const { cid } = tab().add("ada", "hi");
  clock.now += 14 * MINUTE;
  const outbox = tab();
  outbox.adopt();
  assert.deepEqual(bodies(outbox.next().old), ["hi"]);
  outbox.renew(cid);
  assert.equal(outbox.next().entry.cid, cid);
  clock.now += 3 * MINUTE;
  assert.deepEqual(bodies(outbox.next().old), ["hi"]);
});

test("a refused text is kept with what was wrong, and not sent by itself", () => {
  const { tab } = browser();
  const outbox = tab();
  outbox.refuse(outbox.add("ada", "hi").cid, "No.");
  const after = tab();
  const [entry] = after.adopt();
  assert.deepEqual([entry.body, entry.fault], ["hi", "No."]);
  assert.deepEqual(after.next(), { entry: undefined, old: [] });
  after.renew(entry.cid);
  assert.equal(after.next().entry.cid, entry.cid);
});

test("an id that belongs to another text is not used again", () => {
  const { tab } = browser();
  const outbox = tab();
  const { cid } = outbox.add("ada", "hi");
  outbox.refuse(cid, "Taken.", true);
  const renewed = outbox.renew(cid);
  assert.notEqual(renewed.cid, cid);
  assert.deepEqual(tab().adopt().map((entry) => [entry.cid, entry.body]), [[renewed.cid, "hi"]]);
});

test("it follows what another tab did", () => {
  const { tab } = browser();
  const [left, right] = [tab(), tab()];
  const { cid } = left.add("ada", "hi");
  assert.equal(right.follow(cid, { cid, body: "hi" }), undefined, "each tab sends its own");
  right.adopt();
  assert.equal(right.follow(cid, { ...right.entries.get(cid), fault: "No." }).fault, "No.");
  right.follow(cid, null);
  assert.deepEqual(right.next(), { entry: undefined, old: [] });
});

test("so many may wait and no more", () => {
  const { tab } = browser();
  const outbox = tab();
  for (let n = 0; n < 99; n += 1) outbox.add("ada", "hi");
  assert.equal(outbox.full, false);
  outbox.add("ada", "hi");
  assert.equal(outbox.full, true);
});

for (const [name, storage] of [["is none", null], ["is full", new FakeStorage({ limit: 0 })]]) {
  test(`where the storage ${name} the text lasts as long as the page`, () => {
    const outbox = new Outbox(new Shelf(storage, "tea"));
    outbox.add("ada", "hi");
    assert.deepEqual(outbox.adopt(), []);
    assert.equal(outbox.atRisk, true);
    assert.deepEqual(sendable(outbox), ["hi"]);
    for (const cid of [...outbox.entries.keys()]) outbox.settle(cid);
    assert.equal(outbox.atRisk, false);
  });
}

test("what is on the shelf is at no risk, nor what another tab got stored", () => {
  const storage = new FakeStorage({ limit: 1 });
  const outbox = new Outbox(new Shelf(storage, "tea"));
  outbox.add("ada", "kept");
  assert.equal(outbox.atRisk, false);
  const { cid } = outbox.add("ada", "not kept");
  assert.equal(outbox.atRisk, true);
  outbox.follow(cid, null);
  assert.equal(outbox.atRisk, false);
});

test("what somebody else put on the shelf is left alone", () => {
  const storage = new FakeStorage();
  for (const text of ["", "{", "null", "[]", '{"body":1}', '{"handle":"a","body":"b"}', '{"handle":"a","body":"b","at":null}']) {
    storage.setItem(`switchboard.unsent.tea.${storage.length}`, text);
  }
  storage.setItem("switchboard.handle", "ada");
  assert.deepEqual(new Shelf(storage, "tea").all(), []);
  assert.equal(storage.length, 8);
});

test("the event of another tab names the entry", () => {
  const storage = new FakeStorage();
  const shelf = new Shelf(storage, "tea");
  const { cid } = new Outbox(shelf).add("ada", "hi");
  const [key, newValue] = [...storage.items][0];
  assert.equal(shelf.changed({ key, newValue }).entry.body, "hi");
  assert.deepEqual(shelf.changed({ key, newValue: null }), { cid, entry: null });
  assert.equal(shelf.changed({ key: "switchboard.handle", newValue: "x" }), null);
  assert.equal(shelf.changed({ key: null, newValue: null }), null);
});
