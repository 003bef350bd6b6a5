// The token without which a form is refused, as it is now.
//
// It changes when the browser logs in or out, in whichever tab. A page that was open before still has the old one in its
// forms; the cookie has the new one.

const NAME = "csrfmiddlewaretoken";

/** @returns {string} */
export function freshToken() {
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  const served = /** @type {HTMLInputElement | null} */ (document.querySelector(`[name=${NAME}]`));
  return cookie ?? served?.value ?? "";
}

/** Before a form leaves the page, or is read by whoever sends it otherwise, it gets the token of now. */
export function keepFormsFresh() {
  const renew = (/** @type {Event} */ event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const input = form.elements.namedItem(NAME);
    if (input instanceof HTMLInputElement) input.value = freshToken();
  };
  document.addEventListener("submit", renew, { capture: true });
}
