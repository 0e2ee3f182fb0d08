// Joins the drawing, the answer and the server.
import { Answer, duration } from "./answer.js";
import { Failure, predict, wakeFunction } from "./api.js";
import { Drawing } from "./drawing.js";

const STEP = 1 / 20;
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
// Within this time a function that runs has answered: after it, it is starting.
const STARTING_AFTER = 600;
const AWAKE_FOR = 20_000;

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const drawing = new Drawing(canvas, element("pen"));
const answer = new Answer(element("result"));
let heardAt = Number.NEGATIVE_INFINITY;
let waking = null;
let asking = false;
// Counts the drawing's changes: an answer belongs to the drawing that it was asked for.
let drawn = 0;

const isAwake = () => performance.now() - heardAt < AWAKE_FOR;

function showFunction(state, text) {
  element("function").dataset.state = state;
  element("function-text").textContent = `Function: ${text}`;
}

/** Wake the function while the person still draws. */
function wake() {
  if (waking || isAwake()) {
    return;
  }
  const timer = setTimeout(() => showFunction("starting", "starting…"), STARTING_AFTER);
  waking = wakeFunction()
    .then(({ waited_ms: waited }) => {
      heardAt = performance.now();
      const started = waited > STARTING_AFTER ? `, started in ${duration(waited)}` : "";
      showFunction("ready", `ready${started}`);
    })
    .catch((failure) => showFunction("down", failure.message.toLowerCase()))
    .finally(() => {
      clearTimeout(timer);
      waking = null;
    });
}

function refreshButtons() {
  const { empty } = drawing;
  element("hint").hidden = !empty;
  element("undo").disabled = empty;
  element("clear").disabled = empty;
  element("predict").disabled = empty;
  // Not disabled while it asks: a disabled button would lose the keyboard's focus.
  element("predict").setAttribute("aria-disabled", String(empty || asking));
}

/** The drawing is not the one that was answered any more. */
function change() {
  drawn += 1;
  if (!answer.empty) {
    answer.reset();
  }
}

/** Say why the answer takes long. */
function wait() {
  if (isAwake()) {
    answer.wait("The model takes its time. One moment…");
    return;
  }
  showFunction("starting", "starting…");
  answer.wait("The function is starting: it sleeps while nobody draws. One moment…");
}

async function ask() {
  if (asking) {
    return;
  }
  if (drawing.empty) {
    answer.say("Nothing is drawn yet.");
    return;
  }
  asking = true;
  if (answer.failed) {
    answer.reset("Asking again…");
  }
  refreshButtons();
  element("predict").classList.add("busy");
  element("predict-text").textContent = "Looking…";
  const began = performance.now();
  const asked = drawn;
  const slept = !isAwake();
  const timer = setTimeout(wait, STARTING_AFTER);
  try {
    const found = await predict(drawing.toImage());
    heardAt = performance.now();
    showFunction("ready", "ready");
    if (drawn === asked) {
      const elapsed = heardAt - began;
      answer.show(found, elapsed, slept && elapsed > STARTING_AFTER);
    } else {
      answer.reset("The drawing has changed meanwhile. Press Predict again.");
    }
  } catch (error) {
    const failure =
      error instanceof Failure
        ? error
        : new Failure({
            code: "page_failed",
            message: "The page could not show the answer.",
            cause: String(error?.message ?? error),
            remedy: "Load the page again.",
          });
    answer.fail(failure);
    if (failure.code.startsWith("function_")) {
      showFunction("down", "not available");
    }
  } finally {
    clearTimeout(timer);
    asking = false;
    element("predict").classList.remove("busy");
    element("predict-text").textContent = "Predict";
    refreshButtons();
  }
}

function clear() {
  drawing.clear();
  answer.say("The drawing is empty.");
  canvas.focus({ preventScroll: true });
}

function undo() {
  drawing.undo();
  answer.say("Stroke removed.");
  if (drawing.empty) {
    canvas.focus({ preventScroll: true });
  }
}

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const arrow = ARROWS[event.key];
  if (arrow) {
    const step = event.shiftKey ? STEP / 3 : STEP;
    drawing.movePen(arrow[0] * step, arrow[1] * step);
  } else if (event.key === " ") {
    drawing.togglePen();
    answer.say(drawing.penDown ? "Pen down." : "Pen up.");
  } else if (event.key === "Enter") {
    ask();
  } else if (event.key === "Backspace" && !drawing.empty) {
    undo();
  } else if (event.key === "Delete" || event.key === "Escape") {
    clear();
  } else {
    return;
  }
  event.preventDefault();
}

drawing.addEventListener("begin", wake);
drawing.addEventListener("begin", change);
drawing.addEventListener("change", change);
drawing.addEventListener("change", refreshButtons);
canvas.addEventListener("keydown", pressKey);
element("predict").addEventListener("click", ask);
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);
answer.reset();
refreshButtons();
element("stopped").hidden = true;
