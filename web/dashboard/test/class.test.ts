import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClassBoard, SeatRow } from "../src/api/types";
import { cores, mebibytes, summary } from "../src/class/words";

const seat = (number: number, error: string | null): SeatRow => ({
  namespace: `mnist-${number}`, learner: "", name: "", step: "", number, label: "", since: null, error,
  lastActivity: null, cpu: 500, memory: 2 ** 29, workbench: null, url: "", message: null,
});

const board = (seats: SeatRow[], whole = true): ClassBoard => ({
  steps: ["none", "project", "digit"].map((key) => ({ key, label: key })), seats, whole,
});

test("figures have units", () => {
  assert.equal(cores(20), "0.02 cores");
  assert.equal(cores(1500), "1.50 cores");
  assert.equal(mebibytes(300 * 2 ** 20), "300 MiB");
  assert.equal(mebibytes(2 ** 31), "2.0 GiB");
});

test("the class is told in a sentence", () => {
  assert.equal(
    summary(board([seat(2, null), seat(1, "The run failed.")])),
    "2 seats: 1 has recognised a digit, something is wrong in 1. Together they take 1.00 cores and 1.0 GiB.",
  );
  assert.match(summary(board([seat(1, null)], false)), /^1 seat: 0 have .*nothing is wrong.*not every/i);
});
