// What was said before: loaded when the reader gets near the top, or asks, or follows a link to one message.

import { word } from "./words.js";

const PAGE = 50;
/** Pixels from the top from which the next page is asked for. */
const NEAR = 400;
/** So many pages are turned at most to find a message that a link names. */
const PAGES = 20;

export class History {
  /**
   * @param {string} label
   * @param {{ log: import("./log.js").Log, view: import("./view.js").View,
   *           past: HTMLElement, link: HTMLAnchorElement, start: HTMLElement }} parts
   * `link` leads to a page of older messages, for who has no scripts, or a server that does not tell otherwise;
   * `past` holds it; `start` is shown once the first message is.
   */
  constructor(label, parts) {
    this.url = `/api/rooms/${label}/messages`;
    this.parts = parts;
    this.loading = false;
    // A failure would else be repeated with every pixel.
    this.failed = false;
    /** Whether there is nothing older. */
    this.complete = parts.past.hidden;
    parts.link.role = "button";
    parts.link.addEventListener("click", (event) => {
      if (this.failed) return;
      event.preventDefault();
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
    for (let page = 0; page < PAGES && seq < this.parts.log.first && !this.failed; page += 1) await this.load();
    const row = this.parts.log.row(seq);
    if (row) this.parts.view.show(row);
  }

  async load() {
    if (this.loading || this.complete || this.failed) return;
    this.loading = true;
    this.parts.link.textContent = word("loading");
    try {
      const before = this.parts.log.first;
      const url = `${this.url}?before=${before}&limit=${PAGE}`;
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.statusText);
      const { messages } = await response.json();
      this.complete = messages.length < PAGE || messages[0].seq <= 1;
      this.parts.view.anchored(() => {
        this.parts.log.prepend(messages);
        this.#tell();
      });
    } catch {
      this.failed = true;
    } finally {
      this.loading = false;
      this.parts.link.textContent = word("older");
    }
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
