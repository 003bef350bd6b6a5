// The text of a message as it stands in the page. Everything that people wrote enters as text, never as HTML.

import { linkify } from "./linkify.js";
import { parts } from "./markup.js";
import { mentions } from "./mention.js";

/** @param {string} body @param {Iterable<string>} [names] of those who may be mentioned @returns {DocumentFragment} */
export function said(body, names = []) {
  const made = document.createDocumentFragment();
  for (const part of parts(body)) {
    if (part.kind === "text") made.append(...linkify(part.text).flatMap((piece) => nodes(piece, names)));
    else if (part.kind === "code") made.append(element("code", "", part.text));
    else made.append(block(part.text));
  }
  return made;
}

/** @param {import("./linkify.js").Piece} piece @param {Iterable<string>} names @returns {Node[]} */
function nodes({ text, href, host }, names) {
  if (href) {
    const link = /** @type {HTMLAnchorElement} */ (element("a", "", text));
    link.href = href;
    link.target = "_blank";
    link.rel = "nofollow ugc noopener noreferrer";
    return host ? [link, new Text(` (${host})`)] : [link];
  }
  return mentions(text, names).map((each) =>
    each.name === undefined ? new Text(each.text) : element("strong", "mention", each.text),
  );
}

/** @param {string} text */
function block(text) {
  const pre = document.createElement("pre");
  pre.append(element("code", "", text));
  // Wide code is scrolled by its own keys.
  pre.tabIndex = 0;
  return pre;
}

/** @param {string} name @param {string} className @param {string} text @returns {HTMLElement} */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
