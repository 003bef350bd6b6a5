// The page's sentences, in its language. The template has them as JSON: this is the only place that knows where.

/** @type {Record<string, string | Record<string, string>>} */
let sentences = {};
let language = "en";

if (globalThis.document) {
  sentences = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
  language = document.documentElement.lang || language;
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for the places in braces; `count` picks the form
 * @returns {string}
 */
export function word(key, values = {}) {
  const found = sentences[key] ?? key;
  const form = typeof found === "string" ? found : (found[plural(Number(values.count))] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** Names as a list: “ada, bob and cy”. @param {string[]} names */
export function listed(names) {
  return new Intl.ListFormat(language, { type: "conjunction" }).format(names);
}

/** How long it is past, in the largest unit that fits. @param {number} ms */
export function ago(ms) {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? UNITS[2];
  return new Intl.RelativeTimeFormat(language).format(-Math.floor(ms / size), unit);
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];

/** @param {number} count */
function plural(count) {
  return new Intl.PluralRules(language).select(count);
}

/** For tests, where there is no page. @param {typeof sentences} others @param {string} [its] their language */
export function speak(others, its = "en") {
  sentences = others;
  language = its;
}
