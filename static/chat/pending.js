// The reader's own messages that the server has not confirmed, below the conversation.

import { element } from "./line.js";

/** @typedef {import("./outbox.js").Entry} Entry */

export class Pending {
  /**
   * @param {HTMLElement} list
   * @param {{ onRetry: (cid: string) => void, onEdit: (cid: string) => void }} listener
   */
  constructor(list, listener) {
    this.list = list;
    this.listener = listener;
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
  }

  /** Show the entry as it is now. @param {Entry} entry */
  show(entry) {
    const row = element("li", entry.fault ? "line failed" : "line", "");
    const body = element("p", "", entry.body);
    body.dir = "auto";
    row.append(body, this.#note(entry));
    const shown = this.rows.get(entry.cid);
    if (shown) shown.replaceWith(row);
    else this.list.append(row);
    this.rows.set(entry.cid, row);
  }

  /** @param {string} cid */
  remove(cid) {
    this.rows.get(cid)?.remove();
    this.rows.delete(cid);
  }

  /** @param {Entry} entry */
  #note(entry) {
    if (!entry.fault) return element("span", "note", "Sending…");
    const note = element("span", "note error", `Not sent. ${entry.fault} `);
    note.role = "alert";
    note.append(this.#button("Try again", () => this.listener.onRetry(entry.cid)));
    note.append(" ", this.#button("Edit", () => this.listener.onEdit(entry.cid)));
    return note;
  }

  /** @param {string} text @param {() => void} onClick */
  #button(text, onClick) {
    const button = /** @type {HTMLButtonElement} */ (element("button", "quiet", text));
    button.type = "button";
    button.addEventListener("click", onClick);
    return button;
  }
}
