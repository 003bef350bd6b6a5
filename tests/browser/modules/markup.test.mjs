// The little markup there is; what is no markup is the text as it was typed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parts } from "../../../static/chat/markup.js";

const shown = (body) => parts(body).map(({ kind, text }) => `${kind}:${text}`);

for (const [body, expected] of [
  ["plain *text* _it_ is <b>", ["text:plain *text* _it_ is <b>"]],
  ["run `make run` now", ["text:run ", "code:make run", "text: now"]],
  ["``a ` b``", ["code:a ` b"]],
  ["a ` b", ["text:a ` b"]],
  ["`` ` ``", ["code: ` "]],
  ["`a\nb`", ["text:`a\nb`"]],
  ["see\n```\nx = 1\n\ny\n```\ndone", ["text:see", "block:x = 1\n\ny", "text:done"]],
  ["```python\nx = `1`\n```", ["block:x = `1`"]],
  ["```\nnever ends", ["text:```\nnever ends"]],
  ["  two  spaces\n\n\nand lines ", ["text:  two  spaces\n\n\nand lines "]],
]) {
  test(`of ${JSON.stringify(body)}`, () => assert.deepEqual(shown(body), expected));
}

test("nothing that was typed is lost but the marks", () => {
  // One word after a fence is the name of a language, which is a mark; so these are two.
  const bits = ["`", "``", "```", "\n", "a c", " ", "b d\n"];
  let seed = 7;
  for (let run = 0; run < 3_000; run += 1) {
    let body = "";
    for (let n = 0; n < 14; n += 1) body += bits[(seed = (seed * 48_271) % 2_147_483_647) % bits.length];
    const letters = (text) => text.replace(/[^abcd]/g, "");
    assert.equal(letters(parts(body).map((part) => part.text).join("")), letters(body));
  }
});

test("it takes no time to speak of", () => {
  const began = performance.now();
  for (const bit of ["`", "``a", "```\n", "`a ", "```\na\n"]) parts(bit.repeat(2_000 / bit.length));
  assert.ok(performance.now() - began < 1_000);
});
