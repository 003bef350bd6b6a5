// One message as a row. The served page has the same rows, from `templates/chat/line.html`.

import { element, said } from "./said.js";
import { clock, full } from "./time.js";
import { word } from "./words.js";

const HUES = 8;

/** The colour of a handle; `chat/templatetags/chat_lines.py` reckons the same. @param {string} handle */
export function hue(handle) {
  let mixed = 0x811c9dc5;
  for (const char of handle) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return ((mixed ^ (mixed >>> 8) ^ (mixed >>> 16)) & 0xff) % HUES;
}

/** @param {import("./sequence.js").Line} line @param {Iterable<string>} [names] @returns {HTMLLIElement} */
export function rowOf(line, names) {
  const row = /** @type {HTMLLIElement} */ (element("li", "line", ""));
  row.id = `m${line.seq}`;
  row.dataset.seq = String(line.seq);
  if (line.person) row.dataset.person = line.person;
  if (line.deleted) row.append(permalink(line), " ", element("div", "said", ""));
  else row.append(seal(line.handle), nameOf(line), " ", permalink(line), " ", text(line.body, names));
  if (line.deleted) bury(row);
  return row;
}

/** Only the fact is left that there was something. @param {HTMLElement} row */
export function bury(row) {
  row.classList.add("gone");
  row.classList.remove("follows", "mentions");
  for (const each of row.querySelectorAll(".seal, .handle, .tools")) each.remove();
  const body = row.querySelector(".said");
  if (body) body.textContent = word("deleted");
}

// A flag, a family and a letter with its marks are one character of several code points.
const letters = Intl.Segmenter ? new Intl.Segmenter() : null;

/** The first letter of a name, as a person's seal. @param {string} handle */
export function seal(handle) {
  const [first] = letters ? Array.from(letters.segment(handle), ({ segment }) => segment) : handle;
  const made = element("span", "seal", first ?? "");
  made.dataset.hue = String(hue(handle));
  made.ariaHidden = "true";
  return made;
}

/** @param {{ handle: string, user?: string }} somebody */
export function nameOf({ handle, user }) {
  const made = element("bdi", "handle", handle);
  made.dataset.hue = String(hue(handle));
  if (user !== undefined) {
    made.dataset.user = "";
    made.title = word("account", { name: user });
  }
  return made;
}

/** @param {string} body @param {Iterable<string>} [names] */
export function text(body, names) {
  const made = element("div", "said", "");
  made.dir = "auto";
  made.append(said(body, names));
  return made;
}

/** @param {{ seq: number, at: string }} line */
function permalink({ seq, at }) {
  const link = /** @type {HTMLAnchorElement} */ (element("a", "at", ""));
  link.href = `#m${seq}`;
  link.tabIndex = -1;
  const time = document.createElement("time");
  time.dateTime = at;
  showTime(time);
  link.append(time);
  return link;
}

/** Write a row's time in the reader's own zone and language. @param {HTMLTimeElement} time */
export function showTime(time) {
  const at = new Date(time.dateTime);
  time.textContent = clock(at);
  time.title = full(at);
}
