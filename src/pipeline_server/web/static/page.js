// Live refresh, without any library. Every page works without this file; it only saves reloading.
// A page that changes says so: <main data-live="ids" data-every="ms">. The same address is fetched
// again and the elements with these ids are exchanged for their new selves.

const LOG_EVERY = 1000;
const RETRY_AFTER = 400;
const LONGEST_LOG = 2_000_000;
const parser = new DOMParser();
let tag = "";
let timer = 0;
let misses = 0;
let zoom = 0; // not chosen yet

const main = () => document.getElementById("content");
const wait = (time) => new Promise((done) => setTimeout(done, time));
const byId = (id) => document.getElementById(id);

async function fetchPage(address, headers = {}) {
  const ask = () => fetch(address, { headers, credentials: "same-origin", redirect: "follow" });
  // A network that changes under the browser (a pod starts on this machine) cuts requests off.
  const response = await ask().catch(() => wait(RETRY_AFTER).then(ask));
  if (response.status === 304) return null;
  if (response.status === 401 || new URL(response.url).pathname.startsWith("/oauth/")) {
    location.reload(); // The session is over: the proxy asks to sign in, and leads back here.
    return null;
  }
  if (!response.ok) throw new Error(String(response.status));
  tag = response.headers.get("ETag") ?? "";
  return localise(parser.parseFromString(await response.text(), "text/html"));
}

/** The server writes UTC; show the reader's own clock and keep UTC as the hint. */
function localise(root) {
  for (const element of root.querySelectorAll("time[datetime][title=UTC]")) {
    const at = new Date(element.dateTime);
    const two = (number) => String(number).padStart(2, "0");
    element.title = `${element.textContent} UTC`;
    element.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
  return root;
}

/** Bring elements up to date by id; focus, ticks, opened parts and the growing log stay. */
function exchange(fresh, ids) {
  const focused = document.activeElement?.id;
  for (const id of ids) {
    const old = byId(id);
    const made = fresh.getElementById(id);
    if (!old || !made) continue;
    keepState(old, made);
    morph(old, made);
  }
  if (focused && document.activeElement?.id !== focused) byId(focused)?.focus({ preventScroll: true });
  applyZoom();
  enhance();
}

/** Change only what differs, so that a click or an open list is not cut off half-way. */
function morph(old, made) {
  if (old.isEqualNode(made)) return;
  if (old.nodeName !== made.nodeName || old.id !== made.id) {
    old.replaceWith(document.importNode(made, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== made.data) old.data = made.data;
    return;
  }
  if (old.id === "log") {
    if (old.dataset.log !== made.dataset.log) old.replaceWith(document.importNode(made, true));
    return;
  }
  for (const name of old.getAttributeNames()) if (!made.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const name of made.getAttributeNames()) {
    const value = made.getAttribute(name);
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const before = [...old.childNodes];
  const after = [...made.childNodes];
  after.forEach((child, index) => (index < before.length ? morph(before[index], child) : old.append(document.importNode(child, true))));
  for (const child of before.slice(after.length)) child.remove();
}

function keepState(old, made) {
  for (const box of old.querySelectorAll("input[type=checkbox][id]")) {
    const twin = made.querySelector(`#${CSS.escape(box.id)}`);
    if (twin) twin.checked = box.checked;
  }
  for (const part of old.querySelectorAll("details[id][open]")) {
    const twin = made.querySelector(`#${CSS.escape(part.id)}`);
    if (twin) twin.open = true;
  }
}

function plan() {
  clearTimeout(timer);
  const every = Number(main()?.dataset.every ?? 0);
  if (every) timer = setTimeout(refresh, every);
}

async function refresh() {
  // An open question belongs to a form that must not be exchanged under it.
  if (document.hidden || document.querySelector("dialog[open]")) return plan();
  const address = location.href;
  try {
    const fresh = await fetchPage(address, tag ? { "If-None-Match": tag } : {});
    misses = 0;
    byId("lost").hidden = true;
    if (fresh && address === location.href && !document.querySelector("dialog[open]")) {
      const next = fresh.getElementById("content");
      exchange(fresh, (main().dataset.live ?? "").split(" "));
      for (const name of ["live", "every"]) {
        if (next.dataset[name] === undefined) delete main().dataset[name];
        else main().dataset[name] = next.dataset[name];
      }
    }
  } catch {
    // One request may be lost to a passing change of the network; two in a row tell.
    misses += 1;
    byId("lost").hidden = misses < 2;
  }
  plan();
}

/** Links inside a page that only change a part of it. */
async function swap(address, ids, push = true) {
  try {
    const fresh = await fetchPage(address);
    if (push) history.pushState({ ids }, "", address);
    const split = byId("split");
    const newSplit = fresh.getElementById("split");
    if (split && newSplit) split.className = newSplit.className;
    exchange(fresh, ids);
  } catch {
    location.assign(address);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    const address = link.href.baseVal ?? link.href;
    swap(new URL(address, location.href).href, link.dataset.swap.split(" "));
  }
  const button = event.target.closest("[data-zoom]");
  if (button) changeZoom(button.dataset.zoom);
});

addEventListener("popstate", () => {
  if (byId("split")) swap(location.href, ["panel", "graph", "steps"], false);
});

/** Arrow keys walk from step to step in the graph. */
const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
document.addEventListener("keydown", (event) => {
  const node = document.activeElement?.closest?.("a.node");
  const direction = DIRECTIONS[event.key];
  if (!node || !direction) {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) document.querySelector("#panel .close")?.click();
    return;
  }
  event.preventDefault();
  const [dx, dy] = direction;
  const at = (element) => [Number(element.dataset.x), Number(element.dataset.y)];
  const [x, y] = at(node);
  let best = null;
  let least = Infinity;
  for (const other of document.querySelectorAll("a.node:not(.frame)")) {
    const [ox, oy] = at(other);
    const along = (ox - x) * dx + (oy - y) * dy;
    const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
    if (other === node || along < 1) continue;
    // Up and down go to the next layer, left and right stay in theirs.
    const distance = dy ? 10 * along + aside : along + 10 * aside;
    if (distance < least) [best, least] = [other, distance];
  }
  best?.focus();
});

function changeZoom(kind) {
  const canvas = document.querySelector("[data-canvas]");
  const box = byId("graph")?.viewBox.baseVal;
  if (!canvas || !box) return;
  const fit = Math.min((canvas.clientWidth - 24) / box.width, (canvas.clientHeight - 24) / box.height, 1.5);
  zoom = kind === "fit" ? fit : Math.min(3, Math.max(0.2, zoom * (kind === "in" ? 1.25 : 0.8)));
  applyZoom();
}

function applyZoom() {
  const graph = document.querySelector("[data-canvas] #graph");
  if (!graph) return;
  const room = (document.querySelector("[data-canvas]").clientWidth - 24) / graph.viewBox.baseVal.width;
  zoom ||= Math.max(0.55, Math.min(1, room));
  graph.setAttribute("width", graph.viewBox.baseVal.width * zoom);
  graph.setAttribute("height", graph.viewBox.baseVal.height * zoom);
}

/** The log grows by what is new, and stays at its end while “Follow” is ticked. */
async function followLog(log) {
  log.dataset.following = "";
  const note = () => byId("log-note");
  const stick = () => {
    if (byId("follow")?.checked) log.scrollTop = log.scrollHeight;
  };
  stick();
  while (log.isConnected) {
    try {
      const response = await fetch(`${log.dataset.log}?offset=${log.dataset.offset}`, { credentials: "same-origin" });
      if (!response.ok) throw new Error(String(response.status));
      const chunk = await response.json();
      log.dataset.offset = chunk.offset;
      if (chunk.text) {
        log.append(chunk.text);
        if (log.textContent.length > LONGEST_LOG) log.textContent = `… (the beginning is in the download)\n${log.textContent.slice(-LONGEST_LOG / 2)}`;
        stick();
      }
      if (note()) note().textContent = chunk.note || (chunk.complete ? "complete" : "following");
      if (chunk.complete) {
        log.dataset.complete = "";
        return;
      }
    } catch {
      if (note()) note().textContent = "the server does not answer, trying again";
    }
    await wait(LOG_EVERY);
  }
}

/** Ask before anything that cannot be taken back. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = form.dataset.confirm;
  if (question && !form.dataset.confirmed) {
    event.preventDefault();
    const dialog = byId("confirm");
    byId("confirm-text").textContent = question;
    dialog.querySelector("[value=yes]").textContent = event.submitter?.textContent.trim() ?? "Continue";
    dialog.returnValue = "no";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      form.requestSubmit();
    };
    dialog.showModal();
    return;
  }
  if (form.method === "post") for (const button of form.querySelectorAll("button")) button.disabled = true;
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.target.matches("#compare input[name=run]")) enhance();
  if (event.target.id === "follow" && event.target.checked) {
    const log = byId("log");
    if (log) log.scrollTop = log.scrollHeight;
  }
});

function enhance() {
  const log = byId("log");
  if (log && log.dataset.complete !== undefined && log.dataset.following === undefined) log.scrollTop = log.scrollHeight;
  if (log && log.dataset.complete === undefined && log.dataset.following === undefined) followLog(log);
  for (const element of document.querySelectorAll("[data-hide]")) element.hidden = true;
  const chosen = document.querySelectorAll("#compare input[name=run]:checked").length;
  for (const button of document.querySelectorAll("[data-needs]")) button.disabled = chosen !== Number(button.dataset.needs);
}

addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[method=post] button")) button.disabled = false;
  enhance();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer) refresh();
});
document.querySelector("[data-focus]")?.focus();
if (location.search.includes("notice=")) {
  const clean = new URL(location.href);
  clean.searchParams.delete("notice");
  history.replaceState(history.state, "", clean);
}
localise(document);
applyZoom();
enhance();
plan();
