// The name that somebody goes by, remembered in this browser. Who is logged in goes by the account's name at first.

const KEY = "switchboard.handle";

/** @param {HTMLInputElement | HTMLTextAreaElement} input */
export function recall(input) {
  if (!("account" in input.dataset)) input.value = stored() || input.value;
}

/** @param {HTMLInputElement | HTMLTextAreaElement} input */
export function remember(input) {
  if ("account" in input.dataset || !input.value.trim()) return;
  try {
    localStorage.setItem(KEY, input.value.trim());
  } catch {
    // A browser may forbid it; the name then lasts as long as the page.
  }
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
