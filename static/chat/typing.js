// That somebody is writing: told at most every three seconds, believed for six, and not at all where it is switched off.

import { listed, word } from "./words.js";

const TELL_MS = 3_000;
const BELIEVE_MS = 6_000;
/** More than this many are several. */
const NAMED = 3;

export class Typing {
  /** @param {{ send: () => void, show: (text: string) => void, now?: () => number }} parts */
  constructor({ send, show, now = Date.now }) {
    this.send = send;
    this.show = show;
    this.now = now;
    this.on = true;
    this.told = -Infinity;
    /** @type {Map<string, { handle: string, timer: any }>} */
    this.others = new Map();
  }

  /** The reader typed. */
  typed() {
    if (!this.on || this.now() - this.told < TELL_MS) return;
    this.told = this.now();
    this.send();
  }

  /** @param {{ person: string, handle: string }} somebody */
  take({ person, handle }) {
    if (!this.on) return;
    clearTimeout(this.others.get(person)?.timer);
    this.others.set(person, { handle, timer: setTimeout(() => this.stopped(person), BELIEVE_MS) });
    this.#tell();
  }

  /** They said it, or stopped. @param {string | undefined} person */
  stopped(person) {
    const known = this.others.get(person ?? "");
    if (!known) return;
    clearTimeout(known.timer);
    this.others.delete(person ?? "");
    this.#tell();
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on;
    if (!on) for (const person of [...this.others.keys()]) this.stopped(person);
  }

  #tell() {
    const names = [...this.others.values()].map(({ handle }) => handle);
    if (names.length > NAMED) this.show(word("crowdTypes"));
    else this.show(names.length ? word("typing", { count: names.length, names: listed(names) }) : "");
  }
}
