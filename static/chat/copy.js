// The button that puts the room's link on the clipboard. There is none where the browser does not let it (http).

const SHOWN_MS = 2_000;

/** @param {HTMLButtonElement} button @param {HTMLAnchorElement} link */
export function offerCopy(button, link) {
  if (!navigator.clipboard) return;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.href);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), SHOWN_MS);
  });
}
