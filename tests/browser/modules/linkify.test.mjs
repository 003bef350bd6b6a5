// Addresses in a text: only what can be seen for what it is, and never a scheme that runs something.

import assert from "node:assert/strict";
import { test } from "node:test";

import { linkify } from "../../../static/chat/linkify.js";

const links = (text) => linkify(text).flatMap(({ href, text }) => (href ? [text] : []));

for (const [text, expected] of [
  ["see https://example.com/a?b=c#d now", ["https://example.com/a?b=c#d"]],
  ["http://example.com.", ["http://example.com"]],
  ["(https://example.com/x)", ["https://example.com/x"]],
  ["https://en.wikipedia.org/wiki/Tea_(drink), they say", ["https://en.wikipedia.org/wiki/Tea_(drink)"]],
  ["[https://example.com/[1]]", ["https://example.com/[1]"]],
  ["https://a.example https://b.example", ["https://a.example", "https://b.example"]],
  ["HTTPS://EXAMPLE.COM", ["HTTPS://EXAMPLE.COM"]],
  ["“https://example.com/x”!", ["https://example.com/x"]],
  ["http://localhost:8000/chat/tea/", ["http://localhost:8000/chat/tea/"]],
  ["https://example.com/차", ["https://example.com/차"]],
]) {
  test(`in “${text}”`, () => assert.deepEqual(links(text), expected));
}

for (const text of [
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "example.com",
  "mailto:a@b.example",
  "https://",
  "https://?",
  "xhttps://example.com",
  "https://bank.example@evil.example/",
  "https://a:b@evil.example/",
]) {
  test(`none in “${text}”`, () => assert.deepEqual(links(text), []));
}

test("a link ends where the direction of writing would be turned", () => {
  assert.deepEqual(links("https://example.com/\u202egpj.exe"), ["https://example.com/"]);
});

test("a host whose letters only look Latin is told", () => {
  const [mixed] = linkify("https://аpple.com/");
  assert.equal(mixed.host, "xn--pple-43d.com");
  assert.equal(linkify("https://яндекс.рф/")[0].host, undefined);
  assert.equal(linkify("https://example.com/аpple")[0].host, undefined);
});

test("the pieces are the text again, whatever it is", () => {
  const bits = ["https://", "http://a.example", " ", "(", ")", ".", "/", "@", "x", "<b>", "\n", "'", "javascript:", "[", "]", "🍵"];
  let seed = 1;
  for (let run = 0; run < 3_000; run += 1) {
    let text = "";
    for (let n = 0; n < 12; n += 1) text += bits[(seed = (seed * 48_271) % 2_147_483_647) % bits.length];
    const pieces = linkify(text);
    assert.equal(pieces.map((piece) => piece.text).join(""), text);
    for (const { href } of pieces) if (href) assert.match(href, /^https?:\/\/[^/]/);
  }
});

test("it takes no time to speak of", () => {
  const began = performance.now();
  linkify("https://a.example/".concat(")".repeat(2_000)));
  linkify("http://".repeat(300));
  assert.ok(performance.now() - began < 500);
});

test("a browser without URL.canParse makes links too", () => {
  const { canParse } = URL;
  URL.canParse = undefined;
  try {
    assert.deepEqual(links("see https://example.org/tea and http://[bad"), ["https://example.org/tea"]);
  } finally {
    URL.canParse = canParse;
  }
});
