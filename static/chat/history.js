// What was said before: loaded when the reader gets near the top, or asks, or follows a link to one message.

import { word } from "./words.js";

const PAGE = 50;
/** As many as the server gives at once, where all of them are needed. */
const MANY = 200;
/** Pixels from the top from which the next page is asked for. */
const NEAR = 400;
/** So many pages of many are turned at most to find a message that a link names. */
const PAGES = 60;

export class History {
  /**
   * @param {string} label
   * @param {{ log: import("./log.js").Log, view: import("./view.js").View,
   *           past: HTMLElement, link: HTMLAnchorElement, start: HTMLElement, lost: () => void }} parts
   * `link` leads to a page of older messages, for who has no scripts; `past` holds it; `start` is shown once the first
   * message is. `lost`: the message that a link names is not there.
   */
  constructor(label, parts) {
    this.url = `/api/rooms/${label}/messages`;
    this.parts = parts;
    /** @type {Promise<void> | null} */
    this.loading = null;
    // A failure would else be repeated with every pixel.
    this.failed = false;
    /** Whether there is nothing older. */
    this.complete = parts.past.hidden;
    parts.link.role = "button";
    parts.link.addEventListener("click", (event) => {
      event.preventDefault();
      this.failed = false;
      this.load();
    });
    parts.view.scroller.addEventListener("scroll", () => this.#near() && this.load(), { passive: true });
    addEventListener("hashchange", () => this.find());
    this.#tell();
  }

  /** Turn to the message that the address names. @returns {Promise<void>} */
  async find() {
    const seq = Number(/^#m(\d+)$/.exec(location.hash)?.[1] ?? 0);
    if (!seq) return;
    const { log, view, lost } = this.parts;
    await this.loading;
    if (seq < log.first) await this.load(seq);
    const row = log.row(seq);
    if (row) view.show(row);
    else if (!this.failed) lost();
  }

  /** @param {number} [until] what has to be there then; else some more will do @returns {Promise<void>} */
  async load(until) {
    if (this.complete || this.failed) return;
    await (this.loading ??= this.#load(until));
  }

  /** @param {number} [until] */
  async #load(until = Infinity) {
    const { log, view, link } = this.parts;
    link.textContent = word("loading");
    try {
      const before = log.first;
      let [lines, complete] = await this.#fetch(before, until);
      for (let page = 1; page < PAGES && !complete && lines[0].seq > until; page += 1) {
        const [more, end] = await this.#fetch(lines[0].seq, until);
        [lines, complete] = [[...more, ...lines], end];
      }
      // The list was begun anew meanwhile, and these are not those before its first one.
      if (log.first !== before) return;
      this.complete = complete;
      // All at once: each time that something is put above, the browser lays all of it out anew.
      view.anchored(() => {
        log.prepend(lines);
        this.#tell();
      });
    } catch {
      this.failed = true;
    } finally {
      this.loading = null;
      link.textContent = word(this.failed ? "failed" : "older");
    }
  }

  /** @param {number} before @param {number} until @returns {Promise<[any[], boolean]>} and whether nothing is older */
  async #fetch(before, until) {
    const limit = until === Infinity ? PAGE : MANY;
    const response = await fetch(`${this.url}?before=${before}&limit=${limit}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(response.statusText);
    const { messages } = await response.json();
    return [messages, messages.length < limit || messages[0].seq <= 1];
  }

  /** The network is there again. */
  recover() {
    if (this.failed) this.parts.link.textContent = word("older");
    this.failed = false;
  }

  /** The list was begun anew. */
  again() {
    this.failed = false;
    this.complete = this.parts.log.first <= 1;
    this.#tell();
  }

  #tell() {
    const { past, link, start, log } = this.parts;
    past.hidden = this.complete;
    start.hidden = !this.complete;
    link.href = `?before=${log.first}`;
  }

  #near() {
    return !this.failed && this.parts.view.scroller.scrollTop < NEAR;
  }
}
