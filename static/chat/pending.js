// The reader's own messages that the server has not confirmed, below the conversation, as they will look in it.
//
// They are outside the live list: what one has just written oneself is not read aloud.

import { nameOf, seal, text } from "./line.js";
import { element } from "./said.js";
import { ago, word } from "./words.js";

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
    this.slow = 0;
  }

  /** Show the entry as it is now, in its place by time. @param {Entry} entry */
  show(entry) {
    const row = element("li", entry.fault || entry.asks ? "line stuck" : "line", "");
    row.dataset.at = String(entry.at);
    row.append(seal(entry.handle), nameOf(entry), " ", text(entry.body), this.#note(entry));
    this.rows.get(entry.cid)?.remove();
    const rows = /** @type {HTMLElement[]} */ ([...this.list.children]);
    this.list.insertBefore(row, rows.find((other) => Number(other.dataset.at) > entry.at) ?? null);
    this.rows.set(entry.cid, row);
    this.#group();
  }

  /** @param {string} cid */
  remove(cid) {
    this.rows.get(cid)?.remove();
    this.rows.delete(cid);
    this.#group();
  }

  /** The server wants some time before it takes more. @param {number} seconds 0 when it is over */
  wait(seconds) {
    clearInterval(this.slow);
    const tell = () => {
      const words = seconds > 0 ? word("slow", { count: seconds }) : word("sending");
      for (const note of this.list.querySelectorAll(".line:not(.stuck) > .note")) note.textContent = words;
      if (seconds <= 0) clearInterval(this.slow);
      seconds -= 1;
    };
    this.slow = setInterval(tell, 1_000);
    tell();
  }

  /** One name for those that follow each other. */
  #group() {
    let before = null;
    for (const row of this.list.children) {
      const name = row.querySelector(".handle")?.textContent;
      row.classList.toggle("follows", name === before);
      before = name;
    }
  }

  /** @param {Entry} entry */
  #note(entry) {
    const { onRetry, onEdit, onDiscard } = this.listener;
    if (entry.fault) {
      const answers = { retry: onRetry, edit: onEdit, discard: onDiscard };
      return this.#question(entry, word("unsent", { fault: entry.fault }), answers);
    }
    if (!entry.asks) return element("span", "note", word("sending"));
    const question = word("written", { ago: ago(Date.now() - entry.at) });
    return this.#question(entry, question, { send: onRetry, discard: onDiscard });
  }

  /** @param {Entry} entry @param {string} question @param {Record<string, (cid: string) => void>} answers */
  #question({ cid, fault }, question, answers) {
    const note = element("span", fault ? "note error" : "note", question);
    note.role = "alert";
    for (const [answer, onClick] of Object.entries(answers)) {
      const button = /** @type {HTMLButtonElement} */ (element("button", "quiet", word(answer)));
      button.type = "button";
      button.addEventListener("click", () => onClick(cid));
      note.append(" ", button);
    }
    return note;
  }
}
