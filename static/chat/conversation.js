// What a frame from the server does, and what is sent to it: `docs/wire.md`, seen from the browser.
//
// After each connect the client says hello with the last number it has; the welcome brings what it missed, and only then
// is sent what waits in the outbox, so that a message which did arrive before the connection broke is not sent for
// nothing. One message is under way at a time: what the server puts off cannot be overtaken by what was said later, and a
// refusal that names no message means that one. The acknowledgement of a message has its number and time, so it stands for
// the message itself: whichever of the two comes first is shown, and the other one is dropped as known.
//
// A server handles a socket's frames in their order. So a welcome that answers a hello said after a message tells that
// nothing more will come about that message, and it is sent again.

/** Milliseconds that a missing number may be late. */
const LATE_MS = 1_000;
/** At least this long, and at most twice as long, until what may be tried again is. */
const AGAIN_MS = 1_000;
/** At most this long until a connection that the server asks to leave is left. */
const MOVE_MS = 3_000;
/** After so long without a word on what was sent, ask. */
const PATIENCE_MS = 30_000;

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
    /** @type {string | undefined} the id of the message that was sent and not answered */
    this.underWay = undefined;
    /** @type {string | undefined} the account's name */
    this.user = undefined;
    this.lateTimer = 0;
    this.againTimer = 0;
    this.patienceTimer = 0;
  }

  /** Another connection is open; nothing said on an earlier one will be answered. */
  opened() {
    this.underWay = undefined;
    this.hello();
  }

  hello() {
    this.welcomed = false;
    this.parts.send({ t: "hello", last: this.parts.sequence.last });
    this.#expectAnswer();
  }

  /** @param {string} handle @param {string} body @returns {boolean} false if too much waits already */
  say(handle, body) {
    if (this.parts.outbox.full) return false;
    this.parts.pending.show(this.parts.outbox.add(handle, body));
    this.#goOn();
    return true;
  }

  /** Send an entry that was refused or got old. @param {string} cid */
  retry(cid) {
    const entry = this.parts.outbox.renew(cid);
    if (!entry) return;
    if (entry.cid !== cid) this.parts.pending.remove(cid);
    this.parts.pending.show(entry);
    this.#goOn();
  }

  /** Take an entry back. @param {string} cid @returns {string} its text */
  withdraw(cid) {
    this.parts.pending.remove(cid);
    return this.parts.outbox.settle(cid)?.body ?? "";
  }

  /** Another tab changed an entry, or removed it. @param {string} cid @param {any} entry */
  follow(cid, entry) {
    const followed = this.parts.outbox.follow(cid, entry);
    if (followed) this.parts.pending.show(followed);
    else if (!entry) this.parts.pending.remove(cid);
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
    const { sequence, outbox, pending } = this.parts;
    if (frame.reset) sequence.forget();
    this.user = frame.you?.user;
    this.#show(sequence.complete(frame.seq, frame.missed), frame.reset);
    for (const entry of outbox.adopt()) pending.show(entry);
    this.welcomed = true;
    this.underWay = undefined;
    this.#goOn();
  }

  /** @param {{ cid: string, seq: number, at: string }} ack */
  #stored({ cid, seq, at }) {
    const entry = this.parts.outbox.settle(cid);
    if (entry) {
      const { handle, body } = entry;
      this.#show(this.parts.sequence.take({ cid, seq, at, handle, body, user: this.user }));
      // It was shown long ago, by another tab or an earlier page; or it waits for those before it.
      if (seq <= this.parts.sequence.last) this.parts.pending.remove(cid);
    }
    this.#answered(cid);
  }

  /** @param {import("./sequence.js").Line[]} lines @param {boolean} [anew] whether they replace all that is shown */
  #show(lines, anew = false) {
    if (anew) this.parts.log.replace(lines);
    else if (lines.length) this.parts.log.append(lines);
    for (const { cid } of lines) {
      if (cid === undefined) continue;
      this.parts.outbox.settle(cid);
      this.parts.pending.remove(cid);
      this.#answered(cid);
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
  #refused({ cid = this.underWay, code, text, retry }) {
    if (retry || (cid === undefined && !this.welcomed)) return this.#tryLater();
    const entry = this.parts.outbox.refuse(cid, text, code === "conflict");
    if (entry) this.parts.pending.show(entry);
    this.#answered(cid);
  }

  /** What waits stays where it is until then: it is not to be overtaken. */
  #tryLater() {
    clearTimeout(this.againTimer);
    this.againTimer = setTimeout(() => this.hello(), AGAIN_MS * (1 + Math.random()));
  }

  /** @param {string | undefined} cid */
  #answered(cid) {
    if (cid === undefined || cid !== this.underWay) return;
    this.underWay = undefined;
    this.#goOn();
  }

  /** Send what is next, if it is time. */
  #goOn() {
    if (!this.welcomed || this.underWay !== undefined) return;
    const { entry, old } = this.parts.outbox.next();
    for (const each of old) this.parts.pending.show(each);
    if (!entry) return clearTimeout(this.patienceTimer);
    const { cid, handle, body } = entry;
    if (this.parts.send({ t: "msg", cid, handle, body })) this.underWay = cid;
    this.#expectAnswer();
  }

  #expectAnswer() {
    clearTimeout(this.patienceTimer);
    this.patienceTimer = setTimeout(() => this.hello(), PATIENCE_MS);
  }
}
