// Where one writes. Enter sends, Shift+Enter makes a new line; what is too long stays where it is, with a word on it.

import { remember } from "./handle.js";

/** From how many characters left the count is shown. */
const WARN = 200;

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {{ message: number }} limits
   * @param {(handle: string, body: string) => boolean} onSend false if it cannot be taken now
   */
  constructor(form, limits, onSend) {
    this.form = form;
    this.limits = limits;
    this.onSend = onSend;
    this.handle = field(form, "handle");
    this.body = field(form, "body");
    this.hint = /** @type {HTMLElement} */ (form.querySelector(".hint"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.body.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("input", () => this.#changed());
    this.handle.addEventListener("change", () => remember(this.handle));
    // A page that came back from the browser's memory may hold a text.
    this.#fit();
    // On a phone a focus opens the keyboard, before anything was read.
    if (matchMedia("(hover: hover)").matches) this.body.focus();
  }

  submit() {
    const [handle, body] = [this.handle.value.trim(), this.body.value];
    if (!handle) return this.#ask(this.handle, "Pick a name first.");
    if (!body.trim()) return this.body.focus();
    if (this.#left() < 0) return this.#changed();
    remember(this.handle);
    if (!this.onSend(handle, body)) return this.#say("Too many messages wait to be sent already.");
    this.#write("");
  }

  /** Give a text back, beside what was written since. @param {string} text */
  giveBack(text) {
    this.#write([text, this.body.value].filter(Boolean).join("\n"));
  }

  /** @param {string} text */
  #write(text) {
    this.body.value = text;
    this.#changed();
    this.body.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While a word is being composed, Enter picks a candidate. Safari says so by the key code only.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.submit();
  }

  #changed() {
    const left = this.#left();
    this.body.ariaInvalid = left < 0 ? "true" : null;
    this.hint.classList.toggle("error", left < 0);
    if (left < 0) this.hint.textContent = `${-left} characters too many.`;
    else this.hint.textContent = left <= WARN ? `${left} characters left.` : "";
    this.#fit();
  }

  /** @param {HTMLElement} where @param {string} text */
  #ask(where, text) {
    this.#say(text);
    where.focus();
  }

  /** @param {string} text */
  #say(text) {
    this.hint.textContent = text;
    this.hint.classList.add("error");
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

/** @param {HTMLFormElement} form @param {string} name */
function field(form, name) {
  return /** @type {HTMLInputElement | HTMLTextAreaElement} */ (form.elements.namedItem(name));
}
