import assert from "node:assert/strict";
import { test } from "node:test";
import type { Catalogue, NotebookImage } from "../src/api/types";
import {
  checkWorkbench,
  firstTag,
  initialValues,
  keptValues,
  variablesOfFile,
  workbenchOf,
} from "../src/project/workbenchValues";

const version = (tag: string, available = true, recommended = false) => ({
  tag, available, recommended, image: tag, message: null, software: [], packages: [],
});
const image = (...versions: ReturnType<typeof version>[]): NotebookImage => ({
  stream: "plain", displayName: "Plain", description: "", order: 1, gpu: false, versions,
});
const catalogue: Catalogue = {
  images: [image(version("2"), version("1", true, true), version("0", false))],
  sizes: [{ name: "Small", requests: { cpu: "1", memory: "8Gi" }, limits: { cpu: "2", memory: "8Gi" } }],
  modelSizes: [], runtimes: [], storageClasses: [], accelerators: [],
  defaultStorageGiB: 20, serverReplicas: { minimum: 0, default: 1 },
};
const wrong = (faults: object) =>
  Object.entries(faults).filter(([, fault]) => fault).map(([field]) => field);
const filled = () => ({
  ...initialValues(catalogue), displayName: "My Notebook", stream: "plain", tag: "1",
});

test("the recommended version comes first, else the newest that is there", () => {
  assert.equal(firstTag(catalogue.images[0]), "1");
  assert.equal(firstTag(image(version("2"), version("1"))), "2");
  assert.equal(firstTag(image(version("2", false), version("1"))), "1");
  assert.equal(firstTag(image(version("1", false))), "");
  assert.equal(firstTag(undefined), "");
});

test("an empty form lacks a name, an image and a storage's name", () => {
  const faults = wrong(checkWorkbench(initialValues(catalogue), catalogue));
  assert.deepEqual(faults, ["displayName", "image.stream", "storage.displayName"]);
});

test("the storage is called as the workbench until somebody calls it otherwise", () => {
  assert.deepEqual(wrong(checkWorkbench(filled(), catalogue)), []);
  const sent = workbenchOf(filled());
  assert.deepEqual(sent.storage, {
    mode: "new", displayName: "My Notebook", description: "", sizeGiB: 20, storageClass: null,
  });
  assert.equal(sent.connection, null);
  assert.equal(sent.accelerator, null);
});

test("the lab's choices are sent by their names", () => {
  const sent = workbenchOf({
    ...filled(), displayName: "notebook", storageMode: "existing", "storage.name": "notebook",
    connected: true, connectionMode: "existing", "connection.name": "aws-connection-s3-creds",
  });
  assert.deepEqual(sent.storage, { mode: "existing", name: "notebook" });
  assert.deepEqual(sent.connection, { mode: "existing", name: "aws-connection-s3-creds" });
});

test("a version that is gone is refused, also in a workbench that has it", () => {
  assert.deepEqual(wrong(checkWorkbench({ ...filled(), tag: "0" }, catalogue)), ["image.tag"]);
});

test("variables need a key and a value, and a key only once in all groups", () => {
  const rows = [{ key: "A", value: "1" }];
  const variables = [
    { kind: "configmap" as const, name: null, rows },
    { kind: "secret" as const, name: null, rows: [{ key: "A", value: "" }] },
  ];
  assert.deepEqual(wrong(checkWorkbench({ ...filled(), variables }, catalogue)), [
    "variables.1.0.key", "variables.1.0.value",
  ]);
});

test("no secret is kept outside the page", () => {
  const kept = JSON.stringify(keptValues({
    ...filled(), connected: true, connectionMode: "new", "connection.secretKey": "hidden-1",
    variables: [{ kind: "secret", name: null, rows: [{ key: "A", value: "hidden-2" }] }],
  }));
  assert.doesNotMatch(kept, /hidden/);
  assert.match(kept, /My Notebook/);
});

test("keys and values come out of a Secret's and a ConfigMap's YAML", async () => {
  assert.deepEqual(
    await variablesOfFile("kind: Secret\ndata: {A: aGk=}\nstringData: {B: plain}", "secret"),
    [{ key: "A", value: "hi" }, { key: "B", value: "plain" }],
  );
  assert.deepEqual(
    await variablesOfFile("kind: ConfigMap\ndata:\n  A: |\n    two\n    lines\n", "configmap"),
    [{ key: "A", value: "two\nlines\n" }],
  );
  await assert.rejects(variablesOfFile("kind: Pod", "secret"), /holds a Pod; a Secret is wanted/);
  await assert.rejects(variablesOfFile("kind: Secret\ndata: {A: '%%'}", "secret"), /“A” is not base64/);
  await assert.rejects(variablesOfFile("a: [", "secret"), /no YAML/);
  await assert.rejects(variablesOfFile("kind: Secret", "secret"), /has no data/);
});
