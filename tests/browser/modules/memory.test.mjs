// What a browser remembers, where it may, where it may not, and where there is no room for more.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { keep, recall } from "../../../static/chat/memory.js";
import { FakeStorage } from "./storage.mjs";

/** @param {() => any} get */
const storage = (get) => Object.defineProperty(globalThis, "localStorage", { configurable: true, get });

beforeEach(() => {
  storage(() => new FakeStorage());
  for (const key of ["handle", "draft.tea"]) keep(key, null);
});

test("it is there for the next page", () => {
  const items = new FakeStorage();
  storage(() => items);
  assert.equal(keep("handle", "ada"), true);
  assert.equal(items.getItem("switchboard.handle"), "ada");
  assert.equal(recall("handle"), "ada");
  assert.equal(keep("handle", null), true);
  assert.equal(recall("handle"), null);
});

test("where it may not be kept it lasts as long as the page", () => {
  storage(() => {
    throw new Error("SecurityError");
  });
  assert.equal(recall("handle"), null);
  assert.equal(keep("handle", "ada"), false);
  assert.equal(recall("handle"), "ada");
  keep("handle", null);
  assert.equal(recall("handle"), null);
});

test("what there was no room for is newer than what is kept", () => {
  const items = new FakeStorage({ bytes: 12 });
  storage(() => items);
  assert.equal(keep("draft.tea", "half"), true);
  assert.equal(keep("draft.tea", "half of a long thought"), false);
  assert.equal(recall("draft.tea"), "half of a long thought");
  // A part of it is better than nothing for the next page.
  assert.equal(items.getItem("switchboard.draft.tea"), "half");
  assert.equal(keep("draft.tea", "short"), true);
  assert.equal(recall("draft.tea"), "short");
});
