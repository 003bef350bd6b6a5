// Who is spoken to, and what Tab makes of the beginning of a name.

import assert from "node:assert/strict";
import { test } from "node:test";

import { completions, isFor, mentions } from "../../../static/chat/mention.js";

const names = ["ada", "quiet otter", "quiet", "하린"];
const found = (text) => mentions(text, names).flatMap(({ name }) => name ?? []);

for (const [text, expected] of [
  ["@ada hi", ["ada"]],
  ["hi @Ada, and @quiet otter!", ["ada", "quiet otter"]],
  ["@quiet, please", ["quiet"]],
  ["@adam", []],
  ["ada@ada.example", []],
  ["@@ada", ["ada"]],
  ["@하린 안녕", ["하린"]],
  ["@하린님 안녕, @하린이는", ["하린", "하린"]],
  ["@하린x", []],
  ["ａｄａ @ａｄａ", ["ada"]],
  ["@nobody @", []],
]) {
  test(`in “${text}”`, () => {
    assert.deepEqual(found(text), expected);
    assert.equal(mentions(text, names).map((piece) => piece.text).join(""), text);
  });
}

test("a name that nobody has picked yet is not spoken to", () => {
  assert.equal(isFor("@ hello", ""), false);
  assert.equal(isFor("hello @ada", "ada"), true);
});

test("what can be completed", () => {
  assert.deepEqual(completions("hi @qu", 6, names), { start: 4, names: ["quiet", "quiet otter"] });
  assert.deepEqual(completions("hi @quiet o", 11, names), { start: 4, names: ["quiet otter"] });
  assert.deepEqual(completions("@", 1, names)?.names.length, 4);
  assert.equal(completions("a@ad", 4, names), null);
  assert.equal(completions("@x", 2, names), null);
  assert.equal(completions("@ada\n", 5, names), null);
  assert.equal(completions("hi", 2, names), null);
});
