// The room's link, to be passed on: copied, or given to the phone's own menu.

import { word } from "./words.js";

const SHOWN_MS = 2_000;

/**
 * @param {HTMLAnchorElement} link @param {string} title
 * @param {{ share: HTMLButtonElement, copy: HTMLButtonElement, give: HTMLButtonElement }} buttons
 * `share` in the head does what is best here, `copy` and `give` in the card what they say
 */
export function offerLink(link, title, { share, copy, give }) {
  const phone = matchMedia("(hover: none)").matches;
  const canShare = !!navigator.share;
  // Both exist on https and localhost only; an address can always be copied by hand.
  const canCopy = !!navigator.clipboard;
  share.hidden = !(canCopy || canShare);
  copy.hidden = !canCopy;
  give.hidden = !canShare;
  share.addEventListener("click", () => (canShare && (phone || !canCopy) ? pass(link, title) : copied(share, link)));
  copy.addEventListener("click", () => copied(copy, link));
  give.addEventListener("click", () => pass(link, title));
}

/** @param {HTMLAnchorElement} link @param {string} title */
async function pass(link, title) {
  try {
    await navigator.share({ title, url: link.href });
  } catch {
    // Who closes the menu has changed their mind.
  }
}

/** @param {HTMLButtonElement} button @param {HTMLAnchorElement} link */
async function copied(button, link) {
  const label = button.querySelector("[data-words]") ?? button;
  try {
    await navigator.clipboard.writeText(link.href);
    label.textContent = word("copied");
  } catch {
    // It may be forbidden, or the window have lost the focus since.
    label.textContent = word("failed");
  }
  button.classList.add("told");
  setTimeout(() => {
    label.textContent = word("copy");
    button.classList.remove("told");
  }, SHOWN_MS);
}
