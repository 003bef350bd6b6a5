// A connection that comes back by itself.
//
// The browser tells late, or never, that a network is gone; so something must arrive on an open socket in every
// interval, if only a pong. What is sent while there is no connection is not kept here: the outbox has it.

import { delay } from "./backoff.js";

const PING_MS = 25_000;
const PATIENCE_MS = 10_000;
const CONNECT_MS = 15_000;
const NO_SUCH_ROOM = 4404;

/** @typedef {"connecting" | "open" | "waiting" | "refused"} State */

export class Socket {
  /**
   * @param {string} url
   * @param {string} subprotocol
   * @param {{ onFrame: (frame: any) => void, onState: (state: State) => void }} listener
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

  /** Leave this connection for a new one, at once: it is not broken, the server wants it elsewhere. */
  move() {
    if (this.wire === null) return;
    this.wire.close();
    this.connect();
  }

  /** Connect now if a wait is under way: something says that it may work. */
  hurry() {
    if (this.waiting) this.connect();
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
    this.timer = setTimeout(() => {
      // Exactly this text is answered by the interface itself, also while no worker runs.
      this.send({ t: "ping" });
      this.expect(PATIENCE_MS);
    }, PING_MS);
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
    if (code === NO_SUCH_ROOM) {
      this.listener.onState("refused");
      return;
    }
    this.waiting = true;
    this.listener.onState("waiting");
    this.timer = setTimeout(() => this.connect(), delay(this.attempt));
    this.attempt += 1;
  }
}
