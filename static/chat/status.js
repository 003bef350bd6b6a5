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

/** @param {HTMLElement} region @param {State} state */
export function showStatus(region, state) {
  // An attempt after a loss is no news.
  const shown = state === "connecting" && region.dataset.state === "waiting" ? "waiting" : state;
  if (region.dataset.state === shown) return;
  region.dataset.state = shown;
  region.textContent = WORDS[shown];
}
