// Where the reader is in the conversation, and what they have not seen.
//
// Who is at the end stays there, whatever grows; who reads further up is never moved. A message counts as unseen unless
// it came while the page had the focus and its end was in sight. The count is in the title and on a button that leads to
// the end; a line marks where the unseen begins, and stays until the next time.

import { element } from "./said.js";
import { word } from "./words.js";

/** Pixels from the end within which a reader counts as being there. */
const NEAR = 30;
/** Pixels from the end from which a way back is offered. */
const FAR = 600;

export class View {
  /** @param {HTMLElement} scroller @param {HTMLElement} column what it scrolls @param {HTMLButtonElement} pill */
  constructor(scroller, column, pill) {
    this.scroller = scroller;
    this.pill = pill;
    this.title = document.title;
    this.atEnd = true;
    this.unseen = 0;
    /** @type {HTMLElement | null} */
    this.line = null;
    this.lastTop = scroller.scrollTop;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A keyboard that opens, a window that shrinks and a row that comes must not hide the end from who reads it.
    const growth = new ResizeObserver(() => this.atEnd && this.toEnd());
    growth.observe(scroller);
    growth.observe(column);
    pill.addEventListener("click", () => this.toEnd());
    // The focus stays where one writes: a field that is left may change the page's height, and the pill be elsewhere
    // before the click is one. A phone's keyboard stays open too.
    pill.addEventListener("mousedown", (event) => event.preventDefault());
    for (const event of ["focus", "blur"]) addEventListener(event, () => this.#look());
    document.addEventListener("visibilitychange", () => this.#look());
    this.toEnd();
  }

  /** Whether what comes now is seen. */
  get attentive() {
    return this.atEnd && document.hasFocus() && !document.hidden;
  }

  /** Rows came that count. @param {HTMLElement[]} rows */
  arrived(rows) {
    if (!rows.length || this.attentive) return;
    if (this.unseen === 0) this.#mark(rows[0]);
    this.unseen += rows.length;
    this.#tell();
  }

  /** Change what is above without moving what is looked at, which Safari cannot. @param {() => void} change */
  anchored(change) {
    const rest = this.scroller.scrollHeight - this.scroller.scrollTop;
    change();
    this.scroller.scrollTop = this.scroller.scrollHeight - rest;
    this.lastTop = this.scroller.scrollTop;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
    this.atEnd = true;
    this.#look();
  }

  /** @param {HTMLElement} row */
  show(row) {
    this.atEnd = false;
    row.scrollIntoView({ block: "center" });
    this.#scrolled();
  }

  #scrolled() {
    const top = this.scroller.scrollTop;
    // Only who moves up leaves the end: a row that came before this event did may have put it further away.
    if (this.#distance() <= NEAR) this.atEnd = true;
    else if (top < this.lastTop) this.atEnd = false;
    this.lastTop = top;
    this.#look();
  }

  #distance() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
  }

  #look() {
    if (this.attentive) this.unseen = 0;
    this.#tell();
  }

  #tell() {
    document.title = this.unseen ? `(${this.unseen}) ${this.title}` : this.title;
    const offer = !this.atEnd && (this.unseen > 0 || this.#distance() > FAR);
    if (offer) {
      this.pill.dataset.new = String(this.unseen);
      this.pill.textContent = `${this.unseen ? word("pill", { count: this.unseen }) : word("latest")} ↓`;
    }
    this.pill.hidden = !offer;
  }

  /** @param {HTMLElement} row the first of those that were not seen */
  #mark(row) {
    this.line?.remove();
    this.line = element("li", "unread", word("new"));
    this.line.ariaLive = "off";
    row.before(this.line);
  }
}
