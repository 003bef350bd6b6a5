import assert from "node:assert/strict";
import { test } from "node:test";

import { Sequence } from "../../../static/chat/sequence.js";

const line = (seq) => ({ seq, handle: "ada", body: `m${seq}`, at: "2026-02-20T19:48:00Z" });
const seqs = (lines) => lines.map((each) => each.seq);

test("what comes in order is shown at once", () => {
  const sequence = new Sequence(3);
  assert.deepEqual(seqs(sequence.take(line(4))), [4]);
  assert.deepEqual(seqs(sequence.take(line(5))), [5]);
  assert.equal(sequence.waits, false);
});

test("what comes again is dropped", () => {
  const sequence = new Sequence(3);
  sequence.take(line(4));
  for (const seq of [1, 3, 4]) assert.deepEqual(sequence.take(line(seq)), []);
  assert.equal(sequence.waits, false);
});

test("what comes early waits for what is missing", () => {
  const sequence = new Sequence(0);
  assert.deepEqual(sequence.take(line(3)), []);
  assert.deepEqual(sequence.take(line(2)), []);
  assert.deepEqual(sequence.take(line(3)), []);
  assert.equal(sequence.waits, true);
  assert.deepEqual(seqs(sequence.take(line(1))), [1, 2, 3]);
  assert.equal(sequence.waits, false);
});

test("a welcome fills the gap, and what was deleted is not waited for", () => {
  const sequence = new Sequence(1);
  sequence.take(line(6));
  assert.deepEqual(seqs(sequence.complete(5, [line(2), line(4)])), [2, 4, 6]);
  assert.equal(sequence.last, 6);
});

test("what came live and in the welcome is shown once", () => {
  const sequence = new Sequence(1);
  sequence.take(line(3));
  assert.deepEqual(seqs(sequence.complete(3, [line(2), line(3)])), [2, 3]);
  assert.equal(sequence.waits, false);
});

test("a welcome that is behind takes nothing back", () => {
  const sequence = new Sequence(7);
  assert.deepEqual(sequence.complete(5, []), []);
  assert.equal(sequence.last, 7);
});
