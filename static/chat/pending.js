// The reader's own messages that the server has not confirmed, below the conversation.

import { element } from "./line.js";
import { ago } from "./time.js";

/** @typedef {import("./outbox.js").Entry} Entry */

export class Pending {
  /**
   * @param {HTMLElement} list
   * @param {Record<"onRetry" | "onEdit" | "onDiscard", (cid: string) => void>} listener
   */
  constructor(list, listener) {
    this.list = list;
    this.listener = listener;
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
  }

  /** Show the entry as it is now, in its place by time. @param {Entry} entry */
  show(entry) {
    const row = element("li", entry.fault || entry.asks ? "line stuck" : "line", "");
    row.dataset.at = String(entry.at);
    const body = element("p", "", entry.body);
    body.dir = "auto";
    row.append(body, this.#note(entry));
    this.rows.get(entry.cid)?.remove();
    const rows = /** @type {HTMLElement[]} */ ([...this.list.children]);
    this.list.insertBefore(row, rows.find((other) => Number(other.dataset.at) > entry.at) ?? null);
    this.rows.set(entry.cid, row);
  }

  /** @param {string} cid */
  remove(cid) {
    this.rows.get(cid)?.remove();
    this.rows.delete(cid);
  }

  /** @param {Entry} entry */
  #note(entry) {
    const { onRetry, onEdit, onDiscard } = this.listener;
    if (entry.fault) {
      const answers = { Retry: onRetry, Edit: onEdit, Discard: onDiscard };
      return this.#question(entry, `Not sent. ${entry.fault}`, answers);
    }
    if (!entry.asks) return element("span", "note", "Sending…");
    return this.#question(entry, `You wrote this ${ago(Date.now() - entry.at)}.`, { Send: onRetry, Discard: onDiscard });
  }

  /** @param {Entry} entry @param {string} text @param {Record<string, (cid: string) => void>} answers */
  #question({ cid, fault }, text, answers) {
    const note = element("span", fault ? "note error" : "note", text);
    note.role = "alert";
    for (const [word, onClick] of Object.entries(answers)) {
      const button = /** @type {HTMLButtonElement} */ (element("button", "quiet", word));
      button.type = "button";
      button.addEventListener("click", () => onClick(cid));
      note.append(" ", button);
    }
    return note;
  }
}
