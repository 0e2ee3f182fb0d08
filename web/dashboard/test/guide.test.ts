import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuideSeat } from "../src/api/types";
import { addressList, fill, projectOf } from "../src/guide/fill";

const SEAT: GuideSeat = {
  namespace: "mnist-3",
  baseDomain: "apps.lab",
  addresses: {
    dashboard: "https://dashboard.apps.lab/projects/mnist-3",
    workbench: "https://notebook-mnist-3.apps.lab/notebook/mnist-3/notebook",
    pipelines: null,
    store: null,
    page: null,
  },
};

test("the seat's namespace stands wherever the first seat's did", () => {
  const text = "oc -n %NAMESPACE% get pod\noc -n %NAMESPACE% get route";
  assert.equal(fill(text, SEAT), "oc -n mnist-3 get pod\noc -n mnist-3 get route");
});

test("words lead to the seat's service once it is there", () => {
  assert.equal(
    fill("[its own address](%WORKBENCH%) does", SEAT),
    `[its own address](${SEAT.addresses.workbench}) does`,
  );
  assert.equal(fill("open [the pipelines' address](%PIPELINES%).", SEAT), "open the pipelines' address.");
});

test("every service is listed, also the one that is not there", () => {
  const list = addressList(SEAT);
  assert.match(list, /Workbench: \[notebook-mnist-3\.apps\.lab\]\(https:/);
  assert.match(list, /Page to draw on: not there yet/);
});

test("the project is that of the page's address", () => {
  assert.equal(projectOf(["projects", "a", "spawner"]), "a");
  assert.equal(projectOf(["modelServing", "b"]), "b");
  assert.equal(projectOf(["projects"]), null);
  assert.equal(projectOf(["help", "c"]), null);
});
