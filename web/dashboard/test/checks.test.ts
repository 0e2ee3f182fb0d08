import assert from "node:assert/strict";
import { test } from "node:test";
import * as checks from "../src/forms/checks";

test("an endpoint is a URL, with https where no scheme is given", () => {
  for (const good of ["http://minio:9000", "https://s3.example.com", "s3.example.com", "minio:9000"]) {
    assert.equal(checks.endpoint(good), null, good);
  }
  for (const bad of ["", "ftp://host", "http://", "a b", "http://ho st", "http://[1"]) {
    assert.notEqual(checks.endpoint(bad), null, bad);
  }
});

test("a bucket's name has the store's letters and length", () => {
  assert.equal(checks.bucket("rhods"), null);
  assert.equal(checks.bucket(""), null);
  assert.match(checks.bucket("ab")!, /3 to 63 characters; this has 2/);
  assert.match(checks.bucket("Rhods")!, /no bucket's name/);
});

test("a model's path keeps to upstream's letters", () => {
  assert.equal(checks.modelPath("onnx/model-v2.onnx"), null);
  assert.equal(checks.modelPath("/onnx/model_v2"), null);
  assert.match(checks.modelPath("///")!, /more than slashes/);
  assert.match(checks.modelPath("a//b")!, /two slashes/);
  assert.match(checks.modelPath("a b")!, /“ ” may not be/);
  assert.match(checks.modelPath(" ")!, /Enter the path/);
});

test("a folder is lower-case letters and dashes, one slash at the end, and free", () => {
  assert.equal(checks.mountFolder("data", []), null);
  assert.equal(checks.mountFolder("my-data/", []), null);
  assert.match(checks.mountFolder("data", ["data"])!, /in use/);
  for (const bad of ["", "/", "Data", "a/b", "data//", "d1"]) {
    assert.notEqual(checks.mountFolder(bad, []), null, bad);
  }
});

test("quantities are Kubernetes' own and more than nothing", () => {
  for (const good of ["1", "0.5", "500m"]) assert.equal(checks.quantity(good, "cpu"), null, good);
  for (const good of ["4Gi", "512Mi", "1.5Gi"]) assert.equal(checks.quantity(good, "memory"), null);
  for (const bad of ["", "0", "-1", "4Gi", "1e3x"]) assert.notEqual(checks.quantity(bad, "cpu"), null);
  for (const bad of ["", "0Gi", "4 Gi", "4GB"]) assert.notEqual(checks.quantity(bad, "memory"), null);
});

test("whole numbers are refused with what was given", () => {
  assert.equal(checks.wholeNumber(1, 0, 9), null);
  assert.match(checks.wholeNumber(NaN, 0, 9)!, /this is nothing/);
  assert.match(checks.wholeNumber(1.5, 0, 9)!, /0 to 9; this is 1.5/);
  assert.match(checks.wholeNumber(10, 0, 9, "GiB")!, /0 to 9 GiB/);
});

test("service account names differ, also as resource names", () => {
  const lower = (name: string) => name.toLowerCase();
  assert.deepEqual(checks.uniqueNames(["a", "b"], lower), [null, null]);
  const [first, second, third] = checks.uniqueNames(["a", "A", " "], lower);
  assert.equal(first, null);
  assert.match(second!, /there already/);
  assert.match(third!, /Enter/);
});

test("a schedule has six parts", () => {
  assert.equal(checks.cron("0 0 0 * * *"), null);
  assert.match(checks.cron("0 0 * * *")!, /this has 5/);
  assert.match(checks.cron("")!, /this has 0/);
  assert.match(checks.cron("0 0 0 * * $")!, /“\$”/);
});

test("a parameter's text becomes a value of its type, or a sentence", () => {
  assert.equal(checks.parameterValue("3", "NUMBER_INTEGER"), 3);
  assert.equal(checks.parameterValue("0.5", "NUMBER_DOUBLE"), 0.5);
  assert.equal(checks.parameterValue("true", "BOOLEAN"), true);
  assert.deepEqual(checks.parameterValue("[1]", "LIST"), [1]);
  assert.deepEqual(checks.parameterValue('{"a":1}', "STRUCT"), { a: 1 });
  assert.equal(checks.parameterValue(" as it is ", "STRING"), " as it is ");
  for (const [text, type] of [
    ["1.5", "NUMBER_INTEGER"],
    ["x", "NUMBER_DOUBLE"],
    ["yes", "BOOLEAN"],
    ["{}", "LIST"],
    ["[]", "STRUCT"],
    ["null", "STRUCT"],
    ["{", "STRUCT"],
  ] as const) {
    assert.throws(() => checks.parameterValue(text, type), Error, `${text} as ${type}`);
  }
});

test("a variable's name is one, and there once", () => {
  assert.equal(checks.variableName("AWS_KEY", []), null);
  assert.match(checks.variableName("1A", [])!, /no variable's name/);
  assert.match(checks.variableName("A", ["A"])!, /twice/);
});
