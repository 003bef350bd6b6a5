// The name that somebody goes by, remembered in this browser. Who is logged in goes by the account's name at first.
//
// The server owns it: what is typed here is a wish, and stands as the name once the server says so.

import { keep, recall } from "./memory.js";

const KEY = "handle";

export class Handle {
  /** @param {HTMLInputElement} input @param {(handle: string) => void} onChange */
  constructor(input, onChange) {
    this.input = input;
    this.account = "account" in input.dataset;
    if (!this.account) input.value = recall(KEY) || input.value;
    input.addEventListener("change", () => {
      if (!this.value) return;
      this.remember();
      onChange(this.value);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      /** @type {HTMLElement} */ (input.form?.elements.namedItem("body")).focus();
    });
    input.addEventListener("input", () => (input.ariaInvalid = null));
  }

  get value() {
    return this.input.value.trim();
  }

  /** What this browser remembers, if it does. @returns {string | undefined} */
  get remembered() {
    return this.account ? undefined : (recall(KEY) ?? undefined);
  }

  /** It was used or wished for. */
  remember() {
    if (!this.account && this.value) keep(KEY, this.value);
  }

  /** The server says what it is; what is just being typed stays. @param {string} handle */
  become(handle) {
    if (document.activeElement === this.input) return;
    this.input.value = handle;
    this.input.ariaInvalid = null;
  }

  /** The server does not give it. */
  refused() {
    this.input.ariaInvalid = "true";
  }
}
