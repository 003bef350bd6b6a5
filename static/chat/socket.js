// A connection that comes back by itself.
//
// The browser tells late, or never, that a network is gone; so something must arrive on an open socket in every
// interval, if only a pong. What is sent while there is no connection is not kept here: the outbox has it.

import { delay } from "./backoff.js";

const PING_MS = 25_000;
const PATIENCE_MS = 10_000;
const CONNECT_MS = 15_000;
/** So soon something has to come where there is reason to doubt that a connection is still what it seems to be. */
const DOUBT_MS = 5_000;
/** At most this long until a connection that the server asks to leave is left: not all pages come back at once. */
const MOVE_MS = 3_000;
/** So long a network from which too many rooms were opened is left alone. */
const CROWDED_MS = 30_000;

/** Close codes after which to come back would be no use. @type {Record<number, State>} */
const FINAL = { 4403: "banned", 4404: "refused", 4410: "gone" };
const CROWDED = 4408;
/** The browser logged in or out: the next connection is of who it is then, by a cookie that is on its way as well. */
const CHANGED = 4401;
const CHANGED_MS = 300;

/** @typedef {"connecting" | "open" | "waiting" | "crowded" | "refused" | "banned" | "gone"} State */

export class Socket {
  /**
   * @param {string} url
   * @param {string} subprotocol
   * @param {{ onFrame: (frame: any) => void, onState: (state: State, seconds?: number) => void }} listener
   */
  constructor(url, subprotocol, listener) {
    this.url = url;
    this.subprotocol = subprotocol;
    this.listener = listener;
    this.attempt = 0;
    /** @type {WebSocket | null} */
    this.wire = null;
    this.timer = 0;
    /** Whether the next attempt waits for its time. */
    this.waiting = false;
    addEventListener("online", () => this.hurry());
    addEventListener("pageshow", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  connect() {
    clearTimeout(this.timer);
    this.waiting = false;
    this.listener.onState("connecting");
    const wire = new WebSocket(this.url, this.subprotocol);
    this.wire = wire;
    this.expect(CONNECT_MS);
    wire.onopen = () => this.wire === wire && this.opened();
    wire.onmessage = (event) => this.wire === wire && this.received(event.data);
    wire.onclose = (event) => this.wire === wire && this.lost(event.code);
  }

  /** @param {object} frame @returns {boolean} whether it was sent */
  send(frame) {
    if (this.wire?.readyState !== WebSocket.OPEN) return false;
    this.wire.send(JSON.stringify(frame));
    return true;
  }

  /** Leave this connection for a new one, soon: it is not broken, the server wants it elsewhere. */
  move() {
    const leaving = this.wire;
    setTimeout(() => {
      // An interface that stops closes the connection in the same turn. Its successor must not be closed for it.
      if (leaving === null || this.wire !== leaving) return;
      leaving.close();
      this.connect();
    }, Math.random() * MOVE_MS);
  }

  /**
   * Something changed: connect now if a wait is under way. After a sleep, or in another network, a connection that was
   * open still looks so, and is asked.
   */
  hurry() {
    if (this.waiting) this.connect();
    else if (this.wire?.readyState === WebSocket.OPEN) this.ask(DOUBT_MS);
  }

  /** Somebody does not want to wait, nor for an attempt that hangs. */
  tryNow() {
    if (this.waiting || this.wire?.readyState === WebSocket.CONNECTING) {
      const old = this.wire;
      this.connect();
      old?.close();
    }
  }

  opened() {
    this.listener.onState("open");
    this.rest();
  }

  /** @param {string} text */
  received(text) {
    // Not before: there are connections that open only to be closed.
    this.attempt = 0;
    this.rest();
    const frame = JSON.parse(text);
    if (frame.t !== "pong") this.listener.onFrame(frame);
  }

  /** Something came: ask again in a while. */
  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(PATIENCE_MS), PING_MS);
  }

  /** Whether it is still there. @param {number} ms */
  ask(ms) {
    // Exactly this text is answered by the interface itself, also while no worker runs.
    this.send({ t: "ping" });
    this.expect(ms);
  }

  /** Give the connection up unless something comes. @param {number} ms */
  expect(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.wire?.close();
      this.lost(0);
    }, ms);
  }

  /** @param {number} code */
  lost(code) {
    clearTimeout(this.timer);
    this.wire = null;
    if (FINAL[code]) return this.listener.onState(FINAL[code]);
    this.waiting = true;
    if (code === CROWDED) this.listener.onState("crowded", CROWDED_MS / 1_000);
    else this.listener.onState("waiting");
    const wait = code === CROWDED ? CROWDED_MS : code === CHANGED ? CHANGED_MS : delay(this.attempt);
    this.timer = setTimeout(() => this.connect(), wait);
    this.attempt += 1;
  }
}
