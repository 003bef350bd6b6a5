// Who came and left between two messages, in one line: what cancels out is not told, and nobody is told twice.

import { element } from "./said.js";
import { listed, word } from "./words.js";

/** So many names are told, the others are counted. */
const NAMED = 3;

/** @typedef {import("./people.js").Change} Change */

export class Notices {
  constructor() {
    /** @type {Map<string, { first: string, now: string, came: boolean, went: boolean }>} */
    this.changes = new Map();
  }

  /** @param {Change} change */
  add({ kind, person, handle, before }) {
    const known = this.changes.get(person) ?? { first: before ?? handle, now: handle, came: false, went: false };
    known.now = handle;
    // Whoever left and is back was never away; whoever came and left was never there.
    if (kind === "joined") {
      if (known.went) known.went = false;
      else known.came = true;
    } else if (kind === "left") {
      if (known.came) known.came = false;
      else known.went = true;
    }
    if (known.came || known.went || known.first !== known.now) this.changes.set(person, known);
    else this.changes.delete(person);
  }

  clear() {
    this.changes.clear();
  }

  get text() {
    const all = [...this.changes.values()];
    const came = all.filter((each) => each.came).map((each) => each.now);
    const went = all.filter((each) => each.went).map((each) => each.first);
    const renamed = all.filter((each) => !each.came && !each.went && each.first !== each.now);
    return [
      came.length ? word("joined", { names: named(came) }) : "",
      went.length ? word("went", { names: named(went) }) : "",
      ...renamed.slice(0, NAMED).map((each) => word("renamed", { before: each.first, after: each.now })),
    ]
      .filter(Boolean)
      .join(" · ");
  }
}

/** The line at the end of the conversation; a message after it begins a new one. */
export class NoticeLine {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    this.notices = new Notices();
    /** @type {HTMLElement | null} */
    this.row = null;
  }

  /** @param {Change} change */
  tell(change) {
    if (!this.row || this.row !== this.list.lastElementChild) {
      this.notices.clear();
      this.row = element("li", "notice", "");
      this.row.ariaLive = "off";
    }
    this.notices.add(change);
    this.row.textContent = this.notices.text;
    if (!this.notices.text) this.row.remove();
    else if (!this.row.isConnected) this.list.append(this.row);
  }

  /** Something else. @param {string} text */
  say(text) {
    this.list.append(element("li", "notice", text));
  }
}

/** @param {string[]} names */
function named(names) {
  const more = names.length - NAMED;
  return listed(more > 0 ? [...names.slice(0, NAMED), word("more", { count: more })] : names);
}
