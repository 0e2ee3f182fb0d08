import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords, isLost, Refusal } from "../src/api/client";
import type { Catalogue, PipelineParameter } from "../src/api/types";
import { checkConnection, connectionOf, emptyConnection } from "../src/forms/connection";
import { ago } from "../src/parts/common";
import { sizeOf } from "../src/project/FolderBrowser";
import { duration, stateInWords } from "../src/project/PipelineTables";
import { checkRun, runOf, type RunValues, scheduleOf, shownDefault, triggerInWords } from "../src/project/runValues";
import { checkServing, initialServing, servingOf } from "../src/project/serving";

const small = { name: "Small", requests: { cpu: "1", memory: "4Gi" }, limits: { cpu: "2", memory: "8Gi" } };
const catalogue = {
  modelSizes: [small], serverReplicas: { minimum: 0, default: 1 },
} as unknown as Catalogue;
const wrong = (faults: object) =>
  Object.entries(faults).filter(([, fault]) => fault).map(([field]) => field);

test("a refusal says what is missing, in words", () => {
  const right = { verb: "create", group: "", resource: "secrets", name: null, namespace: "mnist" };
  const refusal = new Refusal(403, {
    message: "You may not do this.", field: null, fields: {}, reason: "Forbidden", right,
  });
  assert.equal(
    inWords(refusal),
    "You may not do this. The right that is missing: create secrets in the project mnist.",
  );
  assert.equal(inWords(new Error("x")), "x");
  assert.deepEqual([0, 502, 503, 504, 500, 401].map(isLost), [true, true, true, true, false, false]);
});

test("a connection's faults stand at its fields, below a prefix", () => {
  const empty = emptyConnection("connection.");
  assert.deepEqual(wrong(checkConnection("connection.", empty)), [
    "connection.displayName", "connection.accessKey", "connection.secretKey", "connection.endpoint",
  ]);
  assert.ok(wrong(checkConnection("", emptyConnection(""), true)).includes("bucket"));
  const values = emptyConnection("", { displayName: " s3 ", endpoint: " http://a:1 " });
  assert.equal(connectionOf("", values).displayName, "s3");
  assert.equal(connectionOf("", values).endpoint, "http://a:1");
});

test("a server's form as the lab fills it in", () => {
  const values = { ...initialServing(catalogue), auth: true, tokens: ["model-mesh"] };
  assert.deepEqual(wrong(checkServing(values, catalogue)), []);
  assert.deepEqual(servingOf(values), {
    replicas: 1, size: "Small", route: false, auth: true, tokens: ["model-mesh"],
  });
});

test("tokens are sent only where they are required, and must be there then", () => {
  const values = { ...initialServing(catalogue), tokens: ["a"] };
  assert.deepEqual(servingOf(values).tokens, []);
  assert.deepEqual(wrong(checkServing({ ...values, auth: true, tokens: [] }, catalogue)), ["tokens"]);
  assert.deepEqual(wrong(checkServing({ ...values, auth: true, tokens: ["a", "A"] }, catalogue)), [
    "tokens.1",
  ]);
});

test("a custom size is checked and sent, another is not", () => {
  const values = { ...initialServing(catalogue), size: "Custom", "custom.limits.cpu": "much" };
  assert.deepEqual(wrong(checkServing(values, catalogue)), ["custom.limits.cpu"]);
  assert.deepEqual(servingOf({ ...values, "custom.limits.cpu": "3" }).custom?.limits, {
    cpu: "3", memory: "8Gi",
  });
  assert.equal(servingOf({ ...values, size: "Small" }).custom, undefined);
});

const parameter = (name: string, type: string, more: Partial<PipelineParameter> = {}) => ({
  name, type, default: null, optional: false, description: null, ...more,
});
const PARAMETERS = [
  parameter("epochs", "NUMBER_INTEGER", { default: 2, optional: true }),
  parameter("layers", "LIST", { default: [1], optional: true }),
  parameter("title", "STRING"),
];
const run: RunValues = {
  displayName: "a run", description: "", version: "v1",
  parameters: { epochs: "3", layers: "", title: "" },
  trigger: "periodic", every: 2, unit: "day", cron: "0 0 0 * * *",
  maximumConcurrent: 10, start: "", end: "", catchUp: true,
};

test("a run's parameters have their types; what is empty and optional is left out", () => {
  assert.deepEqual(wrong(checkRun(run, PARAMETERS, false)), []);
  assert.deepEqual(runOf(run, "p1", PARAMETERS).parameters, { epochs: 3, title: "" });
  const bad = { ...run, parameters: { epochs: "many", layers: "{", title: "" } };
  assert.deepEqual(wrong(checkRun(bad, PARAMETERS, false)), ["parameters.epochs", "parameters.layers"]);
  assert.equal(shownDefault(PARAMETERS[1]!), "[1]");
  assert.equal(shownDefault(parameter("b", "BOOLEAN")), "false");
});

test("a schedule is checked and sent in seconds or as cron", () => {
  assert.deepEqual(scheduleOf(run, "p1", PARAMETERS).trigger, { kind: "periodic", seconds: 172800 });
  const cron = { ...run, trigger: "cron" as const };
  assert.deepEqual(scheduleOf(cron, "p1", []).trigger, { kind: "cron", cron: "0 0 0 * * *" });
  const ended = { ...run, start: "2026-02-01T00:00", end: "2026-01-01T00:00", every: 0 };
  assert.deepEqual(wrong(checkRun(ended, [], true)), ["trigger.seconds", "end"]);
});

test("times and sizes in words", () => {
  assert.equal(triggerInWords({ kind: "periodic", seconds: 172800 }), "every 2 days");
  assert.equal(triggerInWords({ kind: "periodic", seconds: 604800 }), "every week");
  assert.equal(triggerInWords({ kind: "periodic", seconds: 90 }), "every 90 seconds");
  assert.equal(triggerInWords(null), "once");
  assert.equal(duration("2026-01-01T09:00:00Z", "2026-01-01T09:04:30Z"), "4 min 30 s");
  assert.equal(duration("2026-01-01T09:00:00Z", null), "-");
  assert.equal(stateInWords("SUCCEEDED"), "Succeeded");
  assert.equal(stateInWords(null), "-");
  assert.equal(sizeOf(512), "512 B");
  assert.equal(sizeOf(4_812_345), "4.6 MiB");
  assert.equal(ago(0, 59_000), "just now");
  assert.equal(ago(0, 7_200_000), "2 hours ago");
});
