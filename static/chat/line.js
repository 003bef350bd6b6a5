// One message as a row. Everything that people wrote enters the page as text, never as HTML.

import { clock, full } from "./time.js";

const HUES = 8;

/** The colour of a handle; `chat/templatetags/chat_lines.py` reckons the same. @param {string} handle */
export function hue(handle) {
  return Array.from(handle).reduce((sum, char) => sum + (char.codePointAt(0) ?? 0), 0) % HUES;
}

/** @param {import("./sequence.js").Line} line @returns {HTMLLIElement} */
export function rowOf(line) {
  const row = document.createElement("li");
  row.className = "line";
  row.dataset.seq = String(line.seq);
  const handle = element("bdi", "handle", line.handle);
  handle.dataset.hue = String(hue(line.handle));
  if (line.user !== undefined) {
    handle.dataset.user = "";
    handle.title = `Logged in as ${line.user}`;
  }
  const time = document.createElement("time");
  time.dateTime = line.at;
  showTime(time);
  const body = element("p", "", line.body);
  body.dir = "auto";
  // The spaces are for those who hear or copy the row.
  row.append(handle, " ", time, " ", body);
  return row;
}

/** Write a row's time in the reader's own zone and language. @param {HTMLTimeElement} time */
export function showTime(time) {
  const at = new Date(time.dateTime);
  time.textContent = clock(at);
  time.title = full(at);
}

/** @param {string} name @param {string} className @param {string} text @returns {HTMLElement} */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
