// Who is spoken to: `@` and a name, which may have spaces, as the names that are made up have.

/** Names that look alike are alike. @param {string} text */
export function folded(text) {
  return text.normalize("NFKC").toLowerCase();
}

/**
 * @param {string} text @param {Iterable<string>} names those that somebody could mean
 * @returns {{ text: string, name?: string }[]} the text in pieces
 */
export function mentions(text, names) {
  if (!text.includes("@")) return [{ text }];
  const known = [...names].filter(Boolean).sort((a, b) => b.length - a.length);
  /** @type {{ text: string, name?: string }[]} */
  const pieces = [];
  let done = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at < done || /[\p{L}\p{N}]/u.test(text[at - 1] ?? "")) continue;
    const name = known.find((each) => startsWithName(text.slice(at + 1), each));
    if (name === undefined) continue;
    if (at > done) pieces.push({ text: text.slice(done, at) });
    done = at + 1 + name.length;
    pieces.push({ text: text.slice(at, done), name });
  }
  if (done < text.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

/** @param {string} text @param {string} name @returns {boolean} */
export function isFor(text, name) {
  return !!name && mentions(text, [name]).some((piece) => piece.name !== undefined);
}

/** Scripts in which a name is followed by the next word, or by an ending of its own, without a space. */
const CLOSE = /[\p{sc=Hangul}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]$/u;

/** Whether the name stands there as a whole word. @param {string} text @param {string} name */
function startsWithName(text, name) {
  if (folded(text.slice(0, name.length)) !== folded(name)) return false;
  const next = text[name.length] ?? "";
  return !/[\p{L}\p{N}]/u.test(next) || (CLOSE.test(name) && CLOSE.test(next));
}

/**
 * What Tab may complete before the caret.
 * @param {string} text @param {number} caret @param {Iterable<string>} names
 * @returns {{ start: number, names: string[] } | null}
 */
export function completions(text, caret, names) {
  const match = /(?:^|[^\p{L}\p{N}])@([^@\n]{0,32})$/u.exec(text.slice(0, caret));
  if (!match) return null;
  const found = [...names].filter((name) => name && folded(name).startsWith(folded(match[1]))).sort();
  return found.length ? { start: caret - match[1].length, names: found } : null;
}
