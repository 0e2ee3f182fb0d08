// What the page asks of its own server, and what goes wrong on the way, as sentences.

/** A failure that can be shown: what, why, what to do. */
export class Failure extends Error {
  constructor({ code, message, cause, remedy = "" }) {
    super(message);
    this.code = code;
    this.why = cause;
    this.remedy = remedy;
  }
}

// A browser gives up a request when the network changes under it: a laptop that changes its Wi-Fi, or
// a pod that starts on the browser's own machine. Nothing is stored, so asking again does no harm.
const ATTEMPTS = 4;
const PAUSE_MS = 300;

async function persist(path, options, fetcher) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetcher(path, options);
    } catch (error) {
      if (error?.name !== "TypeError" || attempt === ATTEMPTS) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
    }
  }
}

async function call(path, options, fetcher) {
  let reply;
  try {
    const signal = AbortSignal.timeout(75_000);
    reply = await persist(path, { ...options, signal }, fetcher);
  } catch (error) {
    const late = error?.name === "TimeoutError";
    throw new Failure({
      code: late ? "page_timeout" : "page_unreachable",
      message: late ? "There was no answer in time." : "The page's server cannot be reached.",
      cause: late
        ? "Nothing came back within 75 seconds."
        : "The connection failed: you may be offline, or the web application has stopped.",
      remedy: "Try again; if it goes on, look at the pods of mnist-webapp.",
    });
  }
  let body = null;
  try {
    body = await reply.json();
  } catch {
    body = null;
  }
  if (reply.ok && body !== null) {
    return body;
  }
  if (body?.error?.message) {
    throw new Failure(body.error);
  }
  throw new Failure({
    code: `http_${reply.status}`,
    message: "The page's server did not give an answer.",
    cause: `It answered ${reply.status} ${reply.statusText}`.trim() + ".",
    remedy: "Look at the Route and the pods of mnist-webapp.",
  });
}

/** Wake the function; resolves with how long that took. */
export function wakeFunction(fetcher = fetch) {
  return call("api/function", { method: "GET" }, fetcher);
}

/** Ask what digit a drawing (a data URL) shows. */
export function predict(image, fetcher = fetch) {
  const body = JSON.stringify({ image });
  const headers = { "Content-Type": "application/json" };
  return call("api/predict", { method: "POST", headers, body }, fetcher);
}
