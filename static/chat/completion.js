// Tab completes a name after `@`; Tab again, the next one. Where nothing can be completed, Tab is the browser's.

import { completions } from "./mention.js";
import { listed, word } from "./words.js";

const SHOWN = 4;

export class Completion {
  /** @param {HTMLTextAreaElement} box @param {() => Iterable<string>} names @param {(hint: string) => void} hint */
  constructor(box, names, hint) {
    this.box = box;
    this.names = names;
    this.hint = hint;
    /** @type {{ start: number, end: number, names: string[], index: number } | null} what Tab goes on with */
    this.turn = null;
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("input", () => this.#offer());
    box.addEventListener("blur", () => (this.turn = null));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") {
      this.turn = null;
      this.hint("");
    }
    if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const step = event.shiftKey ? -1 : 1;
    const turn = this.#current() ?? (event.shiftKey ? null : this.#begin());
    if (!turn) return;
    event.preventDefault();
    turn.index = (turn.index + step + turn.names.length) % turn.names.length;
    const text = `${turn.names[turn.index]} `;
    this.box.setRangeText(text, turn.start, turn.end, "end");
    turn.end = turn.start + text.length;
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
    this.turn = turn;
  }

  /** The turn goes on as long as nothing else is typed. */
  #current() {
    const turn = this.turn;
    return turn && this.box.selectionStart === turn.end && turn.names.length > 1 ? turn : null;
  }

  #begin() {
    const { selectionStart, selectionEnd, value } = this.box;
    const found = selectionStart === selectionEnd ? completions(value, selectionStart, this.names()) : null;
    return found && { ...found, end: selectionStart, index: -1 };
  }

  #offer() {
    this.turn = null;
    const found = this.#begin();
    // A lone @ is no question yet.
    const asked = found && found.end > found.start ? found.names.slice(0, SHOWN) : [];
    this.hint(asked.length ? word("complete", { names: listed(asked) }) : "");
  }
}
