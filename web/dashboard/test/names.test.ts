import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOfName, resourceName } from "../src/forms/names";

test("a shown name becomes a resource name by the dashboard's rules", () => {
  assert.equal(resourceName("  My Notebook ", "workbench"), "my-notebook");
  assert.equal(resourceName("s3-creds", "connection"), "s3-creds");
  assert.equal(resourceName("--Ärger & Öl--", "storage"), "rger-l");
  assert.equal(resourceName("a  -  b", "storage"), "a-b");
});

test("digits alone get a prefix in a workbench, and only there", () => {
  assert.equal(resourceName("2024", "workbench"), "wb-2024");
  assert.equal(resourceName("2024", "storage"), "2024");
});

test("a name is cut to its kind's limit and does not end in a dash then", () => {
  assert.equal(resourceName("x".repeat(40), "workbench").length, 30);
  assert.equal(resourceName(`${"x".repeat(29)} y`, "project"), "x".repeat(29));
  assert.equal(resourceName("x".repeat(300), "model").length, 253);
});

test("nothing is left of a name without letters and digits", () => {
  assert.equal(resourceName("日本", "workbench"), "");
});

test("whatever is typed, the result is a name that is not refused, or nothing", () => {
  const letters = [..." -_.AZaz09äß/\t日!"];
  let state = 7;
  const next = () => (state = (state * 1103515245 + 12345) % 2147483648);
  for (let round = 0; round < 3000; round += 1) {
    const length = next() % 60;
    const shown = Array.from({ length }, () => letters[next() % letters.length]).join("");
    for (const kind of ["project", "workbench", "storage", "model"] as const) {
      const name = resourceName(shown, kind);
      if (name !== "") assert.equal(faultOfName(name, kind), null, JSON.stringify(shown));
    }
  }
});

test("a resource name is refused with what is wrong with it", () => {
  assert.match(faultOfName("", "storage")!, /Enter/);
  assert.match(faultOfName("Abc", "storage")!, /“Abc” is no resource name/);
  assert.match(faultOfName("a-", "storage")!, /no resource name/);
  assert.match(faultOfName("x".repeat(31), "workbench")!, /31 characters.*at most 30/);
  assert.equal(faultOfName("ok-1", "workbench"), null);
});
