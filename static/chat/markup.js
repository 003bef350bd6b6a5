// The little markup that a message may have: `code` and fenced blocks of it. All else is the text as it was typed.

/** @typedef {{ kind: "text" | "code" | "block", text: string }} Part */

const FENCE = /^```[\w+#.-]*[ \t]*\n([\s\S]*?)\n?^```[ \t]*$\n?/gmu;
const CODE = /(`+)(?!`)(.+?)(?<!`)\1(?!`)/gu;

/** @param {string} body @returns {Part[]} */
export function parts(body) {
  const blocks = split(body, FENCE, "block", 1);
  return blocks.flatMap((part) => (part.kind === "text" ? split(part.text, CODE, "code", 2) : [part]));
}

/** @param {string} text @param {RegExp} pattern @param {"code" | "block"} kind @param {number} group @returns {Part[]} */
function split(text, pattern, kind, group) {
  /** @type {Part[]} */
  const found = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const before = text.slice(done, match.index);
    // A block stands on lines of its own; the line break before it is its edge, not an empty line.
    const shown = kind === "block" ? before.replace(/\n$/u, "") : before;
    if (shown) found.push({ kind: "text", text: shown });
    found.push({ kind, text: match[group] });
    done = match.index + match[0].length;
  }
  if (done < text.length) found.push({ kind: "text", text: text.slice(done) });
  return found;
}
