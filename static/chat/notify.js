// Notifications of this computer, for who asked for them, when somebody mentions them and the page is out of sight.

import { keep, recall } from "./memory.js";
import { word } from "./words.js";

const KEY = "notify";

export class Notify {
  /**
   * @param {HTMLInputElement} box @param {HTMLElement} choice what holds it
   * @param {HTMLElement} words @param {string} room
   */
  constructor(box, choice, words, room) {
    this.box = box;
    this.words = words;
    this.room = room;
    if (!("Notification" in globalThis) || !globalThis.isSecureContext) return;
    choice.hidden = false;
    box.checked = recall(KEY) === "on" && Notification.permission === "granted";
    box.addEventListener("change", () => this.#turn());
  }

  /** @param {{ handle: string, body: string }} line a message for the reader */
  tell({ handle, body }) {
    if (!this.box.checked || !document.hidden) return;
    try {
      const note = new Notification(handle, { body: body.slice(0, 200), tag: `switchboard.${this.room}` });
      note.onclick = () => focus();
    } catch {
      // Chrome on Android lets only service workers notify. The title tells all the same.
    }
  }

  /** The browser asks on a click only, and so do we. */
  async #turn() {
    const granted = !this.box.checked || (await Notification.requestPermission()) === "granted";
    this.box.checked &&= granted;
    this.words.textContent = granted ? "" : word("denied");
    keep(KEY, this.box.checked ? "on" : null);
  }
}
