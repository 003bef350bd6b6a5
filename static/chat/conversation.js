// What a frame from the server does, and what is sent to it: `docs/wire.md`, seen from the browser.
//
// After each connect the client says hello with the last number it has; the welcome brings what it missed, and only then
// is sent what waits in the outbox, so that a message which did arrive before the connection broke is not sent for
// nothing. The acknowledgement of a message has its number and time, so it stands for the message itself: whichever of the
// two comes first is shown, and the other one is dropped as known.

/** Milliseconds that a missing number may be late. */
const LATE_MS = 1_000;
/** At least this long, and at most twice as long, until what may be tried again is. */
const AGAIN_MS = 1_000;
/** At most this long until a connection that the server asks to leave is left. */
const MOVE_MS = 3_000;

export class Conversation {
  /**
   * @param {{
   *   send: (frame: object) => boolean, move: () => void, busy: (is: boolean) => void,
   *   log: { append: (lines: any[]) => void, replace: (lines: any[]) => void },
   *   pending: { show: (entry: any) => void, remove: (cid: string) => void },
   *   sequence: import("./sequence.js").Sequence, outbox: import("./outbox.js").Outbox,
   * }} parts
   */
  constructor(parts) {
    this.parts = parts;
    this.welcomed = false;
    /** @type {string | undefined} the account's name */
    this.user = undefined;
    this.lateTimer = 0;
  }

  /** The connection is open. */
  hello() {
    this.welcomed = false;
    this.parts.send({ t: "hello", last: this.parts.sequence.last });
  }

  /** @param {string} handle @param {string} body */
  say(handle, body) {
    const entry = this.parts.outbox.add(handle, body);
    this.parts.pending.show(entry);
    if (this.welcomed) this.#send(entry);
  }

  /** @param {string} cid */
  retry(cid) {
    const entry = this.parts.outbox.renew(cid);
    if (!entry) return;
    this.parts.pending.show(entry);
    if (this.welcomed) this.#send(entry);
  }

  /** Take an entry back. @param {string} cid @returns {string} its text */
  withdraw(cid) {
    this.parts.pending.remove(cid);
    return this.parts.outbox.settle(cid)?.body ?? "";
  }

  /** @param {any} frame */
  take(frame) {
    this.parts.busy(frame.t === "busy");
    if (frame.t === "msg") this.#show(this.parts.sequence.take(frame));
    else if (frame.t === "welcome") this.#welcome(frame);
    else if (frame.t === "ack") this.#stored(frame);
    else if (frame.t === "nack") this.#refused(frame);
    else if (frame.t === "resync") this.hello();
    else if (frame.t === "moving") setTimeout(() => this.parts.move(), Math.random() * MOVE_MS);
  }

  /** @param {any} frame */
  #welcome(frame) {
    const { sequence } = this.parts;
    if (frame.reset) sequence.forget();
    this.user = frame.you?.user;
    this.#show(sequence.complete(frame.seq, frame.missed), frame.reset);
    this.welcomed = true;
    this.#sendWaiting();
  }

  /** @param {{ cid: string, seq: number, at: string }} ack */
  #stored({ cid, seq, at }) {
    const entry = this.parts.outbox.settle(cid);
    if (entry) this.#show(this.parts.sequence.take({ ...entry, seq, at, user: this.user }));
  }

  /** @param {import("./sequence.js").Line[]} lines @param {boolean} [anew] whether they replace all that is shown */
  #show(lines, anew = false) {
    if (anew) this.parts.log.replace(lines);
    else if (lines.length) this.parts.log.append(lines);
    for (const { cid } of lines) {
      if (cid === undefined) continue;
      this.parts.outbox.settle(cid);
      this.parts.pending.remove(cid);
    }
    this.#watchForLate();
  }

  /** Ask for what is missing unless it comes by itself. */
  #watchForLate() {
    if (!this.parts.sequence.waits || this.lateTimer) return;
    this.lateTimer = setTimeout(() => {
      this.lateTimer = 0;
      if (this.parts.sequence.waits) this.hello();
    }, LATE_MS);
  }

  /** @param {any} frame */
  #refused(frame) {
    if (frame.retry || (!this.welcomed && frame.cid === undefined)) {
      setTimeout(() => (this.welcomed ? this.#sendWaiting() : this.hello()), AGAIN_MS * (1 + Math.random()));
      return;
    }
    const entry = this.parts.outbox.refuse(frame.cid, frame.text);
    if (entry) this.parts.pending.show(entry);
  }

  #sendWaiting() {
    for (const entry of this.parts.outbox.waiting()) this.#send(entry);
  }

  /** @param {import("./outbox.js").Entry} entry */
  #send({ cid, handle, body }) {
    this.parts.send({ t: "msg", cid, handle, body });
  }
}
