// What goes wrong between the browser and the page's server, as sentences.
import assert from "node:assert/strict";
import { test } from "node:test";

import { predict, wakeFunction } from "../src/api.js";

const reply = (status, body) => async () =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status });

test("an answer is passed on", async () => {
  assert.deepEqual(await predict("data:,", reply(200, { digit: 7 })), { digit: 7 });
});

test("a drawing is sent as JSON", async () => {
  let sent;
  await predict("data:image/png;base64,AA", async (path, options) => {
    sent = { path, ...options };
    return new Response("{}");
  });
  assert.equal(sent.path, "api/predict");
  assert.equal(sent.method, "POST");
  assert.deepEqual(JSON.parse(sent.body), { image: "data:image/png;base64,AA" });
});

test("a named failure keeps its cause and remedy", async () => {
  const error = { code: "token_refused", message: "No.", cause: "401.", remedy: "Renew it." };
  await assert.rejects(predict("data:,", reply(502, { error })), (failure) => {
    assert.equal(failure.code, "token_refused");
    assert.equal(failure.message, "No.");
    assert.equal(failure.why, "401.");
    assert.equal(failure.remedy, "Renew it.");
    return true;
  });
});

test("an answer of the router in the server's place is a failure with its status", async () => {
  await assert.rejects(wakeFunction(reply(503, "<html>")), (failure) => {
    assert.equal(failure.code, "http_503");
    assert.match(failure.why, /503/);
    return true;
  });
});

test("an answer that is no JSON is a failure, though its status is good", async () => {
  await assert.rejects(predict("data:,", reply(200, "<html>")), { code: "http_200" });
});

test("no connection is told apart from no answer in time", async () => {
  const fail = (error) => async () => {
    throw error;
  };
  await assert.rejects(predict("data:,", fail(new TypeError("failed"))), {
    code: "page_unreachable",
  });
  await assert.rejects(predict("data:,", fail(new DOMException("late", "TimeoutError"))), {
    code: "page_timeout",
  });
});

test("asks again when the network changed, and no more often than it says", async () => {
  let asked = 0;
  const flaky = async () => {
    asked += 1;
    if (asked < 3) {
      throw new TypeError("Failed to fetch");
    }
    return new Response(JSON.stringify({ digit: 7 }), { status: 200 });
  };
  assert.deepEqual(await predict("data:,", flaky), { digit: 7 });
  assert.equal(asked, 3);
});
