// What this browser remembers of its reader. Where it may not, or cannot hold any more, it lasts as long as the page.

/** @type {Map<string, string>} */
const fallback = new Map();

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return fallback.get(key) ?? localStorage.getItem(`switchboard.${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null to forget @returns {boolean} whether it outlives the page */
export function keep(key, value) {
  fallback.delete(key);
  try {
    if (value === null) localStorage.removeItem(`switchboard.${key}`);
    else localStorage.setItem(`switchboard.${key}`, value);
    return true;
  } catch {
    if (value !== null) fallback.set(key, value);
    return false;
  }
}
