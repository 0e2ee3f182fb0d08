// What the page says in words and numbers.
import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, percent, sentence } from "../src/answer.js";

const plain = (text) => text.replaceAll("\u00a0", " ");

test("a probability is never rounded to certainty", () => {
  assert.equal(plain(percent(0.99999)), "> 99.9 %");
  assert.equal(plain(percent(0.00001)), "< 0.1 %");
  assert.equal(plain(percent(0)), "0.0 %");
  assert.equal(plain(percent(1)), "100.0 %");
  assert.equal(plain(percent(0.1234)), "12.3 %");
});

test("a duration is milliseconds, then seconds", () => {
  assert.equal(plain(duration(0.2)), "1 ms");
  assert.equal(plain(duration(87.4)), "87 ms");
  assert.equal(plain(duration(2340)), "2.3 s");
});

test("a sure answer names one digit", () => {
  const probabilities = [0, 0, 0, 0.95, 0, 0.05, 0, 0, 0, 0];
  assert.equal(plain(sentence({ digit: 3, probabilities })), "This is a three: 95.0 % sure.");
});

test("an unsure answer names the second digit too", () => {
  const probabilities = [0, 0.6, 0, 0, 0, 0, 0, 0.4, 0, 0];
  assert.equal(
    plain(sentence({ digit: 1, probabilities })),
    "Probably a one (60.0 %), perhaps a seven (40.0 %).",
  );
});
