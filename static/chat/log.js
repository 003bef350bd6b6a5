// The conversation: a list that only grows at its end, so that nobody's reading, by eye or by ear, is disturbed.

import { rowOf, showTime } from "./line.js";

/** Pixels from the end within which a reader counts as being there. */
const NEAR = 30;

export class Log {
  /** @param {HTMLElement} list @param {HTMLElement} scroller */
  constructor(list, scroller) {
    this.list = list;
    this.scroller = scroller;
    for (const time of list.querySelectorAll("time")) showTime(time);
    this.toEnd();
    // A keyboard that opens or a window that shrinks must not hide the end from who reads it.
    this.atEnd = true;
    scroller.addEventListener("scroll", () => (this.atEnd = this.#near()), { passive: true });
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(scroller);
  }

  /** @param {import("./sequence.js").Line[]} lines */
  append(lines) {
    for (const line of lines) {
      const row = rowOf(line);
      row.classList.toggle("follows", this.#continues(row));
      this.list.append(row);
    }
    if (this.atEnd) this.toEnd();
  }

  /** Begin anew with these, without reading them all aloud. @param {import("./sequence.js").Line[]} lines */
  replace(lines) {
    this.list.ariaLive = "off";
    this.list.replaceChildren();
    this.append(lines);
    requestAnimationFrame(() => (this.list.ariaLive = null));
  }

  /** The ids of the messages that the page was served with. */
  cids() {
    const rows = /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("[data-cid]"));
    return Array.from(rows, (row) => row.dataset.cid);
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.atEnd = true;
  }

  #near() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight <= NEAR;
  }

  /** Whether the same person goes on. @param {HTMLElement} row */
  #continues(row) {
    const [before, now] = [this.list.lastElementChild, row].map((each) => each?.querySelector(".handle"));
    return !!before && !!now && before.textContent === now.textContent && before.title === now.title;
  }
}
