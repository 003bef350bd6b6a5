// Addresses inside a text, found so that what is shown is where it leads.
//
// Only http and https, and only written out: no scheme that runs something, no guessing at "example.com". What comes
// before an @ in an address is a classic disguise (https://bank.example@evil.example), so such a text stays text.

/** Bidirectional controls are left out: they can make an address read as another one. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const PAIRS = { ")": "(", "]": "[", "}": "{" };

/** @typedef {{ text: string, href?: string, host?: string }} Piece `host` where the address is not what it looks like */

/** @param {string} text @returns {Piece[]} the text in pieces; together they are the text again */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const url = parsed(address);
    if (!url) continue;
    if (match.index > done) pieces.push({ text: text.slice(done, match.index) });
    pieces.push({ text: address, href: url.href, ...disguise(address, url) });
    done = match.index + address.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

/** Without the punctuation of the sentence around it; a bracket stays if it was opened inside. @param {string} address */
function trimmed(address) {
  for (;;) {
    const last = address.at(-1) ?? "";
    const opening = PAIRS[last];
    if (opening ? count(address, last) > count(address, opening) : /[.,;:!?'*_~`’”»…]/u.test(last)) {
      address = address.slice(0, -1);
    } else return address;
  }
}

/** @param {string} text @param {string} char */
function count(text, char) {
  return text.split(char).length - 1;
}

/** @param {string} address @returns {URL | null} */
function parsed(address) {
  let url;
  try {
    url = new URL(address); // browsers before 2023 have no URL.canParse
  } catch {
    return null;
  }
  const fine = /^https?:$/.test(url.protocol) && !url.username && !url.password && url.hostname;
  return fine ? url : null;
}

/** The real host where its letters are of several scripts, some of which may pass for Latin. @param {URL} url */
function disguise(address, url) {
  const written = address.split("/")[2] ?? "";
  // Whoever registers a whole name in letters that pass for Latin still has a top level domain in Latin.
  const lookalike = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]/u.test(written);
  const mixed = lookalike && /\p{Script=Latin}/u.test(written);
  return url.hostname.includes("xn--") && mixed ? { host: url.hostname } : {};
}
