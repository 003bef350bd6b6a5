// Whether one is connected, in words and by a dot.

/** @type {Record<import("./socket.js").State, string>} */
const WORDS = {
  connecting: "Connecting…",
  open: "Connected",
  waiting: "Reconnecting…",
  refused: "There can be no such room",
};

/** @param {HTMLElement} region @param {import("./socket.js").State} state */
export function showStatus(region, state) {
  // An attempt after a loss is no news.
  const shown = state === "connecting" && region.dataset.state === "waiting" ? "waiting" : state;
  if (region.dataset.state === shown) return;
  region.dataset.state = shown;
  region.textContent = WORDS[shown];
}
