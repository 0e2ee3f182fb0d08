// The answer's side of the page: digit, chart, picture, times and failures.

const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** A probability as a person reads it: never "100 %" unless it is. */
export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.1) {
    return "<\u00a00.1\u00a0%";
  }
  if (value > 99.9 && value < 100) {
    return ">\u00a099.9\u00a0%";
  }
  return `${value.toFixed(1)}\u00a0%`;
}

/** A duration as a person reads it. */
export function duration(milliseconds) {
  return milliseconds < 1000
    ? `${Math.max(1, Math.round(milliseconds))}\u00a0ms`
    : `${(milliseconds / 1000).toFixed(1)}\u00a0s`;
}

/** How sure the answer is, in a sentence. */
export function sentence(answer) {
  const best = answer.probabilities[answer.digit];
  const second = answer.probabilities
    .map((probability, digit) => ({ probability, digit }))
    .filter((entry) => entry.digit !== answer.digit)
    .reduce((a, b) => (b.probability > a.probability ? b : a));
  if (best >= 0.9) {
    return `This is a ${WORDS[answer.digit]}: ${percent(best)} sure.`;
  }
  return (
    `Probably a ${WORDS[answer.digit]} (${percent(best)}), ` +
    `perhaps a ${WORDS[second.digit]} (${percent(second.probability)}).`
  );
}

export class Answer {
  #root;
  #rows;

  constructor(root) {
    this.#root = root;
    const body = this.#find("#probabilities tbody");
    this.#rows = WORDS.map((_word, digit) => {
      const row = body.insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = String(digit);
      const cell = document.createElement("td");
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.append(document.createElement("span"));
      const text = document.createElement("span");
      text.className = "percent";
      text.textContent = "–";
      cell.append(bar, text);
      row.append(name, cell);
      return row;
    });
  }

  get failed() {
    return this.#root.dataset.state === "failed";
  }

  get empty() {
    return this.#root.dataset.state === "empty";
  }

  /** Nothing has been asked, or the drawing has changed since. */
  reset(text = "Draw a digit, then press Predict.") {
    this.#root.dataset.state = "empty";
    this.#find("#failure").hidden = true;
    this.#find("#digit").textContent = "?";
    this.#find("#confidence").textContent = text;
    this.#find("#time").textContent = "";
    this.say("");
    this.#showPicture(null);
    this.#showChart(null);
  }

  /** A sentence for a screen reader, and nothing for the eye. */
  say(text) {
    this.#find("#status").textContent = text;
  }

  wait(text) {
    this.#root.dataset.state = "waiting";
    this.#find("#failure").hidden = true;
    this.#find("#confidence").textContent = text;
    this.say(text);
  }

  show(answer, elapsed, hadToStart) {
    this.#root.dataset.state = "answered";
    this.#find("#failure").hidden = true;
    this.#find("#digit").textContent = String(answer.digit);
    const text = sentence(answer);
    this.#find("#confidence").textContent = text;
    this.#showChart(answer);
    this.#showPicture(answer.picture);
    this.#find("#seen").setAttribute(
      "aria-label",
      `What the model saw: your drawing, scaled and centred in 28 by 28 pixels`,
    );
    const { prepare, model } = answer.timings_ms;
    const started = hadToStart ? " The function had to start first." : "";
    this.#find("#time").textContent =
      `Answered in ${duration(elapsed)}: ${duration(prepare)} to prepare the picture, ` +
      `${duration(model)} to ask the model.${started}`;
    this.say(`${text} Answered in ${duration(elapsed)}.`);
    this.#bringIntoView("#digit");
  }

  fail(failure) {
    this.#root.dataset.state = "failed";
    this.#find("#digit").textContent = "–";
    this.#find("#confidence").textContent = "No answer.";
    this.#find("#time").textContent = "";
    this.say("");
    this.#showPicture(null);
    this.#showChart(null);
    const box = this.#find("#failure");
    const title = document.createElement("strong");
    title.textContent = failure.message;
    box.replaceChildren(title);
    for (const [name, text] of [["cause", failure.why], ["remedy", failure.remedy]]) {
      if (text) {
        const line = document.createElement("p");
        line.className = name;
        line.textContent = text;
        box.append(line);
      }
    }
    box.dataset.code = failure.code ?? "unknown";
    box.hidden = false;
    this.#bringIntoView("#failure");
  }

  /** On a phone the answer lies below the drawing: scroll as little as shows it. */
  #bringIntoView(selector) {
    this.#find(selector).scrollIntoView({ block: "nearest" });
  }

  #showChart(answer) {
    this.#rows.forEach((row, digit) => {
      const probability = answer?.probabilities[digit] ?? 0;
      row.classList.toggle("best", answer?.digit === digit);
      row.querySelector(".bar > span").style.width = `${probability * 100}%`;
      row.querySelector(".percent").textContent = answer ? percent(probability) : "–";
    });
  }

  #showPicture(picture) {
    const canvas = this.#find("#seen");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, 28, 28);
    if (!picture) {
      canvas.setAttribute("aria-label", "What the model saw: nothing yet");
      return;
    }
    const pixels = context.createImageData(28, 28);
    picture.flat().forEach((value, index) => {
      pixels.data.set([value, value, value, 255], index * 4);
    });
    context.putImageData(pixels, 0, 0);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}
