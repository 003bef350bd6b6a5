// Whether one is connected, in words and by a dot.

/** @typedef {import("./socket.js").State | "busy"} State */

/** @type {Record<State, string>} */
const WORDS = {
  connecting: "Connecting…",
  open: "Connected",
  busy: "Busy, this may take a little",
  waiting: "Reconnecting…",
  refused: "There can be no such room",
};

/** A connection that is back sooner than this was not worth a word. */
const QUIET_MS = 1_000;

export class Status {
  /** @param {HTMLElement} region */
  constructor(region) {
    this.region = region;
    this.timer = 0;
  }

  /** @param {State} state */
  show(state) {
    const lost = state === "waiting" || state === "connecting";
    if (lost && this.#wasOpen()) {
      this.timer ||= setTimeout(() => this.#write("waiting"), QUIET_MS);
      return;
    }
    // An attempt after a loss is no news.
    this.#write(lost && this.region.dataset.state === "waiting" ? "waiting" : state);
  }

  #wasOpen() {
    return this.region.dataset.state === "open" || this.region.dataset.state === "busy";
  }

  /** @param {State} state */
  #write(state) {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.region.dataset.state === state) return;
    this.region.dataset.state = state;
    this.region.textContent = WORDS[state];
  }
}
