// The conversation: two lists, of which the live one only grows at its end, so that nobody's reading, by eye or by ear,
// is disturbed. What is older comes into a list of its own above it, which no screen reader announces.
//
// A row is made once and never again. What stands between rows (days, what is new, who came) is no row of its own.

import { bury, rowOf, showTime } from "./line.js";
import { isFor } from "./mention.js";
import { element, said } from "./said.js";
import { dayName, dayOf, nearDay } from "./time.js";
import { Walk } from "./walk.js";
import { word } from "./words.js";

/** Who goes on within so long need not be named again. */
const GROUP_MS = 10 * 60_000;
/** A page that is open for days shows so many rows at most, and so many when it has let go of the rest. */
const MOST = 2_000;
const KEPT = 1_000;

/** @typedef {import("./sequence.js").Line} Line */

export class Log {
  /**
   * @param {HTMLElement} list inside the live region @param {HTMLElement} earlier
   * @param {() => Iterable<string>} names who may be mentioned
   */
  constructor(list, earlier, names) {
    this.list = list;
    this.live = /** @type {HTMLElement} */ (list.parentElement);
    this.earlier = earlier;
    this.names = names;
    /** Whoever said something may be mentioned, too, though they have left. */
    this.authors = new Set(rowsOf(list).map(authorOf));
    /** @type {string} the reader's own name */
    this.own = "";
    /** @type {Set<number>} messages that were deleted before they got here: what brings them may have been on its way */
    this.buried = new Set();
    for (const row of rowsOf(list)) this.#dress(row);
    this.#divide(list);
    this.walk = new Walk(earlier, list);
    // Not before: what was there is no news.
    this.live.ariaLive = "polite";
    this.#atMidnight();
    document.addEventListener("visibilitychange", () => this.#nameDays());
  }

  /** The number of the oldest message shown, or 0. */
  get first() {
    const row = this.earlier.querySelector(".line") ?? this.list.querySelector(".line");
    return row instanceof HTMLElement ? Number(row.dataset.seq) : 0;
  }

  /** @param {Line[]} lines @returns {HTMLElement[]} their rows */
  append(lines) {
    const rows = lines.map((line) => this.#append(line));
    this.walk.newest();
    return rows;
  }

  /** @param {Line} line */
  #append(line) {
    const row = this.#make(line);
    const before = last(this.list);
    const day = divider(before, row);
    if (day) {
      // A computer that slept comes late to its midnight.
      this.#nameDays();
      this.list.append(day);
    }
    // Something that stands between two messages parts them, too.
    row.classList.toggle("follows", !day && before === this.list.lastElementChild && continues(before, row));
    if (line.mine) row.ariaLive = "off";
    this.list.append(row);
    return row;
  }

  /** Older messages, in their order. @param {Line[]} lines */
  prepend(lines) {
    const made = document.createDocumentFragment();
    let before = null;
    for (const line of lines) {
      const row = this.#make(line);
      const day = divider(before, row);
      row.classList.toggle("follows", !day && continues(before, row));
      if (day) made.append(day);
      made.append(row);
      before = row;
    }
    this.#join(before);
    this.earlier.prepend(made);
    this.earlier.hidden = false;
  }

  /** Begin anew with these, without reading them all aloud. @param {Line[]} lines @returns {HTMLElement[]} */
  replace(lines) {
    this.live.ariaLive = "off";
    this.list.replaceChildren();
    this.earlier.replaceChildren();
    this.earlier.hidden = true;
    const rows = this.append(lines);
    requestAnimationFrame(() => (this.live.ariaLive = "polite"));
    return rows;
  }

  /** Let go of the oldest where they are many; they can be loaded again. @returns {boolean} whether it did */
  trim() {
    const many = this.list.childElementCount + this.earlier.childElementCount > MOST;
    if (!many || this.live.contains(document.activeElement) || this.earlier.contains(document.activeElement)) return false;
    const first = [...rowsOf(this.earlier), ...rowsOf(this.list)].at(-KEPT);
    if (!first) return false;
    first.classList.remove("follows");
    const day = divider(null, first);
    for (const list of first.parentElement === this.list ? [this.earlier, this.list] : [this.earlier]) {
      while (list.firstElementChild && list.firstElementChild !== first) list.firstElementChild.remove();
    }
    if (day) first.before(day);
    this.earlier.hidden = !this.earlier.firstElementChild;
    return true;
  }

  /** @param {number} seq @returns {HTMLElement | null} */
  row(seq) {
    return document.getElementById(`m${seq}`);
  }

  /** The message is a tombstone now. @param {number} seq */
  bury(seq) {
    const row = this.row(seq);
    if (!row) return void this.buried.add(seq);
    row.ariaLive = "off";
    // Whoever went on after it has to be named now.
    const next = row.nextElementSibling;
    if (!row.classList.contains("follows")) next?.classList.remove("follows");
    bury(row);
  }

  /** The reader goes by another name now. @param {string} name */
  call(name) {
    this.own = name;
    for (const row of [...rowsOf(this.earlier), ...rowsOf(this.list)]) this.#mark(row);
  }

  /** The ids of the messages that the page was served with. */
  cids() {
    return rowsOf(this.list).flatMap((row) => row.dataset.cid ?? []);
  }

  /** @param {Line} line */
  #make(line) {
    if (this.buried.has(line.seq)) line.deleted = true;
    else if (line.handle) this.authors.add(line.handle);
    const row = rowOf(line, this.#mentionable());
    if (!line.deleted) this.#mark(row);
    return row;
  }

  /** What the server cannot know of a row it served. @param {HTMLElement} row */
  #dress(row) {
    for (const time of row.querySelectorAll("time")) showTime(time);
    const body = row.querySelector(".said");
    if (body && !row.classList.contains("gone")) body.replaceChildren(said(body.textContent ?? "", this.#mentionable()));
  }

  #mentionable() {
    return [...this.authors, ...this.names()];
  }

  /** @param {HTMLElement} row */
  #mark(row) {
    row.classList.toggle("mentions", isFor(row.querySelector(".said")?.textContent ?? "", this.own));
  }

  /** Days between the rows that were served. @param {HTMLElement} list */
  #divide(list) {
    let before = null;
    for (const row of rowsOf(list)) {
      const day = divider(before, row);
      if (day) row.before(day);
      row.classList.toggle("follows", !day && continues(before, row));
      before = row;
    }
  }

  /** The page's first row is not the first any more. @param {HTMLElement | null} before */
  #join(before) {
    const next = this.earlier.querySelector(".line") ?? this.list.querySelector(".line");
    if (!before || !(next instanceof HTMLElement) || dayOf(timeOf(before)) !== dayOf(timeOf(next))) return;
    if (next.previousElementSibling?.classList.contains("day")) next.previousElementSibling.remove();
    next.classList.toggle("follows", continues(before, next));
  }

  /** Today is yesterday then. */
  #atMidnight() {
    const now = new Date();
    const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
    setTimeout(() => {
      this.#nameDays();
      this.#atMidnight();
    }, midnight.getTime() - now.getTime() + 1_000);
  }

  #nameDays() {
    for (const list of [this.earlier, this.list]) {
      for (const time of list.querySelectorAll(".day time")) nameDay(/** @type {HTMLTimeElement} */ (time));
    }
  }
}

/** @param {HTMLElement} list */
function rowsOf(list) {
  return /** @type {HTMLElement[]} */ ([...list.querySelectorAll(":scope > .line")]);
}

/** @param {HTMLElement} row */
function authorOf(row) {
  return row.querySelector(".handle")?.textContent ?? "";
}

/** @param {HTMLElement} list */
function last(list) {
  let each = list.lastElementChild;
  while (each && !each.classList.contains("line")) each = each.previousElementSibling;
  return /** @type {HTMLElement | null} */ (each);
}

/** @param {HTMLElement} row */
function timeOf(row) {
  return new Date(row.querySelector("time")?.dateTime ?? 0);
}

/** A line with the day, if a new one begins. @param {HTMLElement | null} before @param {HTMLElement} row */
function divider(before, row) {
  const at = timeOf(row);
  if (before && dayOf(timeOf(before)) === dayOf(at)) return null;
  const made = element("li", "day", "");
  made.ariaLive = "off";
  const time = document.createElement("time");
  time.dateTime = dayOf(at);
  nameDay(time);
  made.append(time);
  return made;
}

/** @param {HTMLTimeElement} time */
function nameDay(time) {
  const [year, month, day] = time.dateTime.split("-").map(Number);
  const at = new Date(year, month - 1, day);
  const near = nearDay(at);
  time.textContent = near ? word(near) : dayName(at);
}

/** Whether the same person goes on. @param {HTMLElement | null} before @param {HTMLElement} row */
function continues(before, row) {
  const [one, other] = [before, row].map((each) => each?.querySelector(".handle"));
  if (!before || !(one instanceof HTMLElement) || !(other instanceof HTMLElement)) return false;
  const same = one.textContent === other.textContent && one.title === other.title;
  // A page that was served by an older version, and messages from before there were people, have none.
  const person = !before.dataset.person || !row.dataset.person || before.dataset.person === row.dataset.person;
  return same && person && timeOf(row).getTime() - timeOf(before).getTime() < GROUP_MS;
}
