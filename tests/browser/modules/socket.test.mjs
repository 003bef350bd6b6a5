// One connection at a time: whatever the server says and does to a socket, one other takes its place.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Conversation } from "../../../static/chat/conversation.js";
import { Outbox } from "../../../static/chat/outbox.js";
import { Sequence } from "../../../static/chat/sequence.js";
import { Shelf } from "../../../static/chat/shelf.js";
import { Socket } from "../../../static/chat/socket.js";
import { FakeStorage } from "./storage.mjs";

/** @type {FakeWebSocket[]} all that were opened in this test */
let opened = [];

class FakeWebSocket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 3;

  constructor() {
    this.readyState = FakeWebSocket.CONNECTING;
    this.leaving = false;
    opened.push(this);
  }

  send() {}

  /** The page leaves. A browser reports the close later, when the server has answered; here it never does. */
  close() {
    this.leaving = true;
  }

  // -- what the server does

  accept() {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen();
  }

  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  end(code) {
    this.readyState = FakeWebSocket.CLOSED;
    this.onclose({ code });
  }
}

/** The socket of a page and the conversation on it, put together as `room.js` does it, and connected. */
function connected() {
  const conversation = new Conversation({
    send: (frame) => socket.send(frame),
    move: () => socket.move(),
    busy() {},
    log: { append() {}, replace() {} },
    pending: { show() {}, remove() {} },
    sequence: new Sequence(0),
    outbox: new Outbox(new Shelf(new FakeStorage(), "tea"), () => 0),
  });
  const socket = new Socket("ws://test/", "switchboard.v1", {
    onFrame: (frame) => conversation.take(frame),
    onState: (state) => state === "open" && conversation.opened(),
  });
  socket.connect();
  opened[0].accept();
}

beforeEach(() => {
  opened = [];
  globalThis.WebSocket = FakeWebSocket;
  globalThis.addEventListener = () => {};
  globalThis.document = { hidden: false, addEventListener() {} };
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.reset());

// The interface says both in one turn when it stops. Which of the two timers would be first is chance.
for (const random of [0, 0.1, 0.5, 0.99]) {
  test(`an interface that stops is left for one connection, at ${random} of the wait`, () => {
    mock.method(Math, "random", () => random);
    connected();
    opened[0].say({ t: "moving" });
    opened[0].end(1012);
    mock.timers.tick(600);
    assert.equal(opened.length, 2);
    // Nothing else is connected to while this one is being accepted, nor once it is.
    mock.timers.tick(3_000);
    opened[1].accept();
    mock.timers.tick(10_000);
    assert.equal(opened.length, 2);
    assert.equal(opened[1].leaving, false);
  });
}

test("a connection that the server asks to leave is left once, however often it asks", () => {
  connected();
  opened[0].say({ t: "moving" });
  opened[0].say({ t: "moving" });
  mock.timers.tick(3_000);
  assert.equal(opened.length, 2);
  assert.equal(opened[0].leaving, true);
  opened[1].accept();
  mock.timers.tick(10_000);
  assert.equal(opened.length, 2);
});

test("what is said of a connection that is lost does not concern the next one", () => {
  mock.method(Math, "random", () => 0.5);
  connected();
  opened[0].say({ t: "moving" });
  opened[0].end(1006);
  mock.timers.tick(250);
  opened[1].accept();
  opened[1].say({ t: "moving" });
  mock.timers.tick(1_250); // the time of the first request
  assert.equal(opened.length, 2);
  mock.timers.tick(250); // that of the second
  assert.equal(opened.length, 3);
});
