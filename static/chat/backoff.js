// How long to wait before the next attempt to connect.
//
// Full jitter: anywhere between nothing and a ceiling that doubles. When a server comes back, those who waited for it
// come spread out, and the first of them at once.

const BASE_MS = 500;
const CEILING_MS = 15_000;

/**
 * @param {number} attempt 0 for the first after a connection was lost
 * @param {() => number} [random] from 0 up to 1
 * @returns {number} milliseconds
 */
export function delay(attempt, random = Math.random) {
  return random() * Math.min(CEILING_MS, BASE_MS * 2 ** attempt);
}
