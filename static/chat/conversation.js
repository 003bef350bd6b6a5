// What a frame from the server does, and what is sent to it: `docs/wire.md`, seen from the browser.
//
// After each connect the client says hello with the last number it has; the welcome brings what it missed, and only then
// is sent what waits in the outbox, so that a message which did arrive before the connection broke is not sent for
// nothing. One message is under way at a time: what the server puts off cannot be overtaken by what was said later, and a
// refusal that names no message means that one. The acknowledgement of a message has its number and time, so it stands for
// the message itself: whichever of the two comes first is shown, and the other one is dropped as known.
//
// A message goes out under the name it was written under, and one that was refused under the name of who tries again. The
// server owns the names: a message may wish for another one, and so may a frame, which waits until all that was said
// before is stored.
//
// A welcome is read from the database and on its way for a while; what somebody did meanwhile is told by a frame of its
// own, which may overtake it and is the newer one. So what was told since the hello is told once more after its welcome.
//
// A server handles a socket's frames in their order. So a welcome that answers a hello said after a message tells that
// nothing more will come about that message, and it is sent again.

/** Milliseconds that a missing number may be late. */
const LATE_MS = 1_000;
/** At least this long, and at most twice as long, until what may be tried again is. */
const AGAIN_MS = 1_000;
/** After so long without a word on what was sent, ask. */
const PATIENCE_MS = 30_000;
/** Frames whose last one says how things are: with these a welcome may be out of date when it comes. */
const LASTING = /^(you|person|people|room)$/;
/** Why a name is not given. */
const OF_NAMES = /^(taken|reserved|(bad|blank|long)-handle)$/;

/**
 * What is told about the room beside its messages. `you`: who the reader is there, and whether they wish for no other name
 * by now. `unnamed`: why a wished name is not
 * given. `slow`: that for so many seconds nothing more is taken. `other`: a frame that is about people or the room;
 * `again` if it was told before, and stands above the welcome that came after it.
 * @typedef {{
 *   you: (you: { person?: string, handle?: string | null, user?: string, keys?: boolean }, settled: boolean) => void,
 *   unnamed: (text: string) => void, slow: (seconds: number) => void,
 *   other: (frame: any, again?: boolean) => void,
 * }} Listener
 */

export class Conversation {
  /**
   * @param {{
   *   send: (frame: object) => boolean, move: () => void, busy: (is: boolean) => void,
   *   name?: () => string, remembered?: () => string | undefined, listener?: Partial<Listener>,
   *   log: { append: (lines: any[]) => void, replace: (lines: any[]) => void },
   *   pending: { show: (entry: any) => void, remove: (cid: string) => void },
   *   sequence: import("./sequence.js").Sequence, outbox: import("./outbox.js").Outbox,
   * }} parts
   */
  constructor(parts) {
    this.parts = parts;
    this.listener = { you() {}, unnamed() {}, slow() {}, other() {}, ...parts.listener };
    this.welcomed = false;
    /** @type {string | undefined} the id of the message that was sent and not answered */
    this.underWay = undefined;
    /** @type {{ person?: string, handle?: string | null, user?: string, keys?: boolean }} as the server last said */
    this.you = {};
    /** @type {string | undefined} the name that is to be wished for once nothing waits */
    this.wish = undefined;
    /** Whether an answer about a name is due. */
    this.wishing = false;
    /** Why there will be no connection any more. */
    this.over = "";
    /** @type {Map<string, any>} the last word on each person, and on the room, since the hello or longer */
    this.since = new Map();
    this.lateTimer = 0;
    this.againTimer = 0;
    this.patienceTimer = 0;
  }

  /** Another connection is open; nothing said on an earlier one will be answered. */
  opened() {
    this.underWay = undefined;
    this.wishing = false;
    this.since.clear();
    this.hello();
  }

  hello() {
    // Two may be under way; what was told since the first one counts for both.
    if (this.welcomed) this.since.clear();
    this.welcomed = false;
    const handle = this.parts.remembered?.();
    this.parts.send({ t: "hello", last: this.parts.sequence.last, ...(handle && { handle }) });
    this.#expectAnswer();
  }

  /** @param {string} handle @param {string} body @returns {boolean} false if too much waits already */
  say(handle, body) {
    if (this.parts.outbox.full) return false;
    this.parts.pending.show(this.parts.outbox.add(handle, body));
    this.#goOn();
    return true;
  }

  /** Go by another name from now on. @param {string} handle */
  rename(handle) {
    this.wish = handle;
    this.#goOn();
  }

  /** Send an entry that was refused or got old. @param {string} cid */
  retry(cid) {
    const entry = this.parts.outbox.renew(cid, this.parts.name?.());
    if (!entry) return;
    if (entry.cid !== cid) this.parts.pending.remove(cid);
    this.parts.pending.show(entry);
    if (this.over) this.end(this.over);
    else this.#goOn();
  }

  /** Nothing will be sent any more: what waits says so. @param {string} why */
  end(why) {
    this.over = why;
    this.welcomed = false;
    const { outbox, pending } = this.parts;
    for (let next = outbox.next(); ; next = outbox.next()) {
      for (const each of next.old) pending.show(each);
      if (!next.entry) return;
      pending.show(outbox.refuse(next.entry.cid, why));
    }
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
    else if (frame.t === "moving") this.parts.move();
    else this.#told(frame);
  }

  /** About people or the room. @param {any} frame */
  #told(frame) {
    if (LASTING.test(frame.t)) this.since.set(`${frame.t} ${frame.person}`, frame);
    if (frame.t === "you") this.#become(frame);
    else this.listener.other(frame);
  }

  /** @param {any} frame */
  #welcome(frame) {
    const { sequence, outbox, pending } = this.parts;
    if (frame.reset) sequence.forget();
    this.#become(frame.you ?? {});
    this.listener.other(frame);
    for (const told of this.since.values()) {
      if (told.t === "you") this.#become(told);
      else this.listener.other(told, true);
    }
    this.#show(sequence.complete(frame.seq, frame.missed), frame.reset);
    for (const entry of outbox.adopt()) pending.show(entry);
    this.welcomed = true;
    this.underWay = undefined;
    this.#goOn();
  }

  /** @param {{ person?: string, handle?: string | null, user?: string, keys?: boolean }} you */
  #become(you) {
    this.you = you;
    this.wishing = false;
    this.listener.you(you, this.wish === undefined);
  }

  /** @param {{ cid: string, seq: number, at: string }} ack */
  #stored({ cid, seq, at }) {
    const entry = this.parts.outbox.settle(cid);
    if (entry) {
      const { person, user } = this.you;
      const handle = (person && this.you.handle) || entry.handle;
      this.#show(this.parts.sequence.take({ cid, seq, at, handle, body: entry.body, user, person, mine: true }));
      // It was shown long ago, by another tab or an earlier page; or it waits for those before it.
      if (seq <= this.parts.sequence.last) this.parts.pending.remove(cid);
    }
    this.#answered(cid);
  }

  /** @param {import("./sequence.js").Line[]} lines @param {boolean} [anew] whether they replace all that is shown */
  #show(lines, anew = false) {
    for (const line of lines) {
      if (this.parts.outbox.has(line.cid) || (line.person && line.person === this.you.person)) line.mine = true;
    }
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
  #refused({ cid, code, text, retry, wait }) {
    if (OF_NAMES.test(code)) this.listener.unnamed(text);
    // An answer to a wish has no message's id.
    if (cid === undefined && this.wishing && (OF_NAMES.test(code) || code === "slow-down")) {
      this.wishing = false;
      if (code === "slow-down") this.listener.unnamed(text);
      return;
    }
    cid ??= this.underWay;
    if (code === "slow-down") return this.#tryLater(wait ?? 1);
    if (retry || (cid === undefined && !this.welcomed)) return this.#tryLater();
    const entry = this.parts.outbox.refuse(cid, text, code === "conflict");
    if (entry) this.parts.pending.show(entry);
    this.#answered(cid);
  }

  /** What waits stays where it is until then: it is not to be overtaken. @param {number} [seconds] as the server wants */
  #tryLater(seconds) {
    clearTimeout(this.againTimer);
    const wait = seconds === undefined ? AGAIN_MS * (1 + Math.random()) : Math.ceil(seconds) * 1_000;
    if (seconds !== undefined) this.listener.slow(Math.ceil(seconds));
    this.againTimer = setTimeout(() => this.hello(), wait);
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
    if (!entry) {
      clearTimeout(this.patienceTimer);
      return this.#call();
    }
    const { cid, handle, body } = entry;
    if (handle === this.wish) this.wish = undefined;
    if (this.parts.send({ t: "msg", cid, handle, body })) this.underWay = cid;
    this.#expectAnswer();
  }

  /** Wish for the name. */
  #call() {
    const [handle, { person, handle: before }] = [this.wish, this.you];
    this.wish = undefined;
    // A server that does not know people takes the name of each message as it is.
    if (!handle || !person || handle === before) return;
    this.wishing = this.parts.send({ t: "handle", handle });
  }

  #expectAnswer() {
    clearTimeout(this.patienceTimer);
    this.patienceTimer = setTimeout(() => this.hello(), PATIENCE_MS);
  }
}
