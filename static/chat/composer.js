// Where one writes. Enter sends, Shift+Enter makes a new line; what is too long stays where it is, with a word on it.

import { word } from "./words.js";

/** From how many characters left the count is shown. */
const WARN = 200;

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {{ message: number }} limits
   * @param {import("./handle.js").Handle} handle
   * @param {(handle: string, body: string) => boolean} onSend false if it cannot be taken now
   */
  constructor(form, limits, handle, onSend) {
    this.form = form;
    this.limits = limits;
    this.handle = handle;
    this.onSend = onSend;
    this.body = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("body"));
    this.button = /** @type {HTMLButtonElement} */ (form.querySelector("#send"));
    this.hint = /** @type {HTMLElement} */ (form.querySelector("#hint"));
    this.fault = /** @type {HTMLElement} */ (form.querySelector("#fault"));
    /** What was sent last, for taking it up again. */
    this.last = "";
    this.countdown = 0;
    this.held = 0;
    /** Why nothing can be said any more. */
    this.closed = "";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.body.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("input", () => this.#changed());
    document.addEventListener("keydown", (event) => this.#elsewhere(event));
    // A page that came back from the browser's memory may hold a text, and a draft may be too long.
    this.#count();
    this.#fit();
    // On a phone a focus opens the keyboard, before anything was read.
    if (matchMedia("(hover: hover)").matches && !location.hash.startsWith("#m")) this.body.focus();
  }

  submit() {
    const [handle, body] = [this.handle.value, this.body.value];
    if (!handle) return this.#ask();
    if (!body.trim()) return this.body.focus();
    if (this.closed) return this.say(this.closed);
    if (this.#left() < 0) return this.say(word("tooLong"));
    if (this.held) return this.body.focus();
    this.handle.remember();
    if (!this.onSend(handle, body)) return this.say(word("full"));
    this.last = body;
    this.write("");
  }

  /** Give a text back, beside what was written since. @param {string} text */
  giveBack(text) {
    this.write([text, this.body.value].filter(Boolean).join("\n"));
  }

  /** Nothing more is taken for so long. @param {number} seconds */
  hold(seconds) {
    clearInterval(this.countdown);
    this.held = seconds;
    this.countdown = setInterval(() => {
      this.held -= 1;
      if (this.held <= 0) clearInterval(this.countdown);
      this.#count();
    }, 1_000);
    this.#count();
  }

  /** Nothing is taken any more; what is being written stays, to be copied. @param {string} why */
  close(why) {
    this.closed = why;
  }

  /** Something is wrong. @param {string} text empty when it is over */
  say(text) {
    this.fault.textContent = text;
  }

  /** A word beside the text, unless a count stands there. @param {string} text */
  suggest(text) {
    if (!this.held && this.#left() > WARN) this.hint.textContent = text;
  }

  /** @param {string} text */
  write(text) {
    this.body.value = text;
    // Whoever keeps drafts hears of it.
    this.body.dispatchEvent(new Event("input", { bubbles: true }));
    this.body.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While a word is being composed, Enter picks a candidate. Safari says so by the key code only.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && !this.body.value && this.last) {
      event.preventDefault();
      this.write(this.last);
    }
  }

  /** Whoever types while nothing has the focus wants to write. @param {KeyboardEvent} event */
  #elsewhere(event) {
    const idle = document.activeElement === document.body || document.activeElement?.id === "scroller";
    const letter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (idle && letter && !getSelection()?.toString()) this.body.focus();
  }

  #changed() {
    this.say("");
    this.#count();
    this.#fit();
  }

  #count() {
    const left = this.#left();
    this.body.ariaInvalid = left < 0 ? "true" : null;
    this.hint.classList.toggle("error", left < 0);
    if (left < 0) this.hint.textContent = word("over", { count: -left });
    else if (this.held > 0) this.hint.textContent = word("hold", { count: this.held });
    else this.hint.textContent = left <= WARN ? word("left", { count: left }) : "";
    this.button.ariaDisabled = this.held > 0 || left < 0 ? "true" : null;
  }

  #ask() {
    this.say(word("noName"));
    this.handle.input.focus();
  }

  #left() {
    return this.limits.message - Array.from(this.body.value).length;
  }

  /** As high as its text; the style sheet sets the most. */
  #fit() {
    this.body.style.height = "auto";
    this.body.style.height = `${this.body.scrollHeight + this.body.offsetHeight - this.body.clientHeight}px`;
  }
}
