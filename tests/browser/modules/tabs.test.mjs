// Two tabs of a room, one storage and one server, in any order of events: what is said is stored once, each tab's in the
// order in which it was said, and in the end both show everything.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Conversation } from "../../../static/chat/conversation.js";
import { Outbox } from "../../../static/chat/outbox.js";
import { Sequence } from "../../../static/chat/sequence.js";
import { Shelf } from "../../../static/chat/shelf.js";
import { FakeStorage } from "./storage.mjs";

const RUNS = 300;
const STEPS = 60;

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What `chat.services` does, in a few lines. */
class Server {
  lines = [];

  answer(frame) {
    if (frame.t === "hello") {
      const missed = this.lines.filter(({ seq }) => seq > frame.last);
      return { t: "welcome", seq: this.lines.length, missed, reset: false };
    }
    let line = this.lines.find(({ cid }) => cid === frame.cid);
    if (!line) this.lines.push((line = { ...frame, t: "msg", seq: this.lines.length + 1, at: "2026-02-20T19:48:00Z" }));
    return { t: "ack", cid: line.cid, seq: line.seq, at: line.at };
  }
}

class Tab {
  constructor(name, storage, server) {
    Object.assign(this, { name, storage, server, said: [] });
    this.load();
  }

  /** The page is loaded, again perhaps. */
  load() {
    Object.assign(this, { up: [], down: [], open: false, log: [], pending: new Map() });
    this.conversation = new Conversation({
      send: (frame) => this.open && this.up.push(frame) > 0,
      move() {},
      busy() {},
      log: { append: (lines) => this.log.push(...lines.map((each) => each.body)), replace() {} },
      pending: { show: (entry) => this.pending.set(entry.cid, entry), remove: (cid) => this.pending.delete(cid) },
      sequence: new Sequence(0),
      outbox: new Outbox(new Shelf(this.storage, "tea"), () => 0),
    });
    for (const entry of this.conversation.parts.outbox.adopt()) this.pending.set(entry.cid, entry);
  }

  acts = {
    say: () => {
      this.said.push(`${this.name}${this.said.length}`);
      this.conversation.say("ada", this.said.at(-1));
    },
    serve: () => this.up.length && this.down.push(this.server.answer(this.up.shift())),
    hear: () => this.down.length && this.conversation.take(this.down.shift()),
    /** What was on its way, either way, is lost. */
    cut: () => Object.assign(this, { up: [], down: [], open: false }),
    connect: () => {
      if (this.open) return;
      this.open = true;
      this.conversation.opened();
    },
    nack: () => {
      const frame = this.up[0];
      if (frame?.t !== "msg") return;
      this.up.shift();
      this.down.push({ t: "nack", cid: frame.cid, code: "slow", text: "Slow down.", retry: true });
    },
    wait: () => mock.timers.tick(2_500),
    reload: () => this.load(),
  };

  settle() {
    this.acts.connect();
    while (this.up.length || this.down.length) {
      this.acts.serve();
      this.acts.hear();
    }
  }
}

const LIKELY = ["say", "say", "serve", "serve", "serve", "hear", "hear", "hear", "connect", "connect"];
const ACTS = [...LIKELY, "cut", "nack", "wait", "reload"];

for (const events of ["heard", "unheard"]) {
  test(`two tabs whose storage events are ${events}`, () => {
    for (let seed = 1; seed <= RUNS; seed += 1) run(seed, events === "heard");
  });
}

function run(seed, heard) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const [random, storage, server] = [chance(seed), new FakeStorage(), new Server()];
  const tabs = ["left", "right"].map((name) => new Tab(name, storage, server));
  for (let step = 0; step < STEPS; step += 1) {
    const [tab, other] = random() < 0.5 ? tabs : [...tabs].reverse();
    const before = new Map(storage.items);
    tab.acts[ACTS[Math.floor(random() * ACTS.length)]]();
    if (heard) tell(other, before, storage);
  }
  for (let round = 0; round < 3; round += 1) {
    for (const tab of tabs) tab.settle();
    mock.timers.tick(2_500);
    // There is no broadcast here; a new connection brings the same.
    for (const tab of tabs) tab.acts.cut();
  }
  const stored = server.lines.map((line) => line.body);
  const clue = `seed ${seed}: ${stored}`;
  assert.equal(storage.length, 0, clue);
  assert.equal(new Set(stored).size, stored.length, clue);
  for (const tab of tabs) {
    assert.deepEqual(stored.filter((body) => body.startsWith(tab.name)), tab.said, clue);
    assert.deepEqual(tab.log, stored, clue);
    assert.equal(tab.pending.size, 0, clue);
  }
}

/** The browser's events of what changed in the storage. */
function tell(tab, before, storage) {
  for (const key of new Set([...before.keys(), ...storage.items.keys()])) {
    const newValue = storage.getItem(key);
    if (newValue === (before.get(key) ?? null)) continue;
    const change = tab.conversation.parts.outbox.shelf.changed({ key, newValue });
    tab.conversation.follow(change.cid, change.entry);
  }
}
