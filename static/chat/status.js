// Whether one is connected, in words. A bar shows them while there is something to know; else who listens hears them.

import { word } from "./words.js";

/** @typedef {import("./socket.js").State | "busy" | "back"} State */

/** A connection that is back sooner than this was not worth a word. */
const QUIET_MS = 1_500;
/** So long it is good news that it is back. */
const GLAD_MS = 2_500;

export class Status {
  /** @param {HTMLElement} region */
  constructor(region) {
    this.region = region;
    this.timer = 0;
    this.gladTimer = 0;
    this.countdown = 0;
  }

  /** @param {State} state @param {number} [seconds] until the next attempt, where it is worth a word */
  show(state, seconds) {
    const lost = state === "waiting" || state === "connecting";
    if (lost && this.#wasOpen()) {
      clearTimeout(this.gladTimer);
      this.timer ||= setTimeout(() => this.#write("waiting"), QUIET_MS);
      return;
    }
    // An attempt after a loss is no news.
    const before = this.region.dataset.state;
    if (lost && (before === "waiting" || (before === "crowded" && state === "connecting"))) return;
    if (state === "open" && before === "back" && !this.timer) return;
    if (state === "open" && ["waiting", "crowded", "back"].includes(before ?? "")) return this.#glad();
    this.#write(state, seconds);
    // An attempt may hang; that is no better than none.
    if (state === "connecting") this.timer = setTimeout(() => this.#write("waiting"), QUIET_MS);
  }

  #wasOpen() {
    return ["open", "busy", "back"].includes(this.region.dataset.state ?? "");
  }

  #glad() {
    this.#write("back");
    this.gladTimer = setTimeout(() => this.#write("open"), GLAD_MS);
  }

  /** @param {State} state @param {number} [seconds] */
  #write(state, seconds = 0) {
    clearTimeout(this.timer);
    clearTimeout(this.gladTimer);
    clearInterval(this.countdown);
    this.timer = 0;
    if (this.region.dataset.state === state && !seconds) return;
    this.region.dataset.state = state;
    this.region.textContent = word(state, { count: seconds });
    if (seconds) this.#count(state, seconds);
  }

  /** @param {State} state @param {number} seconds */
  #count(state, seconds) {
    this.countdown = setInterval(() => {
      seconds -= 1;
      if (seconds > 0) this.region.textContent = word(state, { count: seconds });
      else clearInterval(this.countdown);
    }, 1_000);
  }
}
