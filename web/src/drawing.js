// The drawing area: signature_pad for mouse, finger and pen, and a pen moved by the keyboard.
import SignaturePad from "signature_pad";

const PICTURE_SIZE = 280;
const INK = "#16161d";
// A stroke is about a twelfth of the paper, much like the digits the model learnt from.
const PEN_PART = 1 / 24;

/** Scale the points of strokes from one size of the paper to another. */
export function scaleStrokes(strokes, factor, pen) {
  return strokes.map((stroke) => ({
    ...stroke,
    ...pen,
    points: stroke.points.map((point) => ({
      ...point,
      x: point.x * factor,
      y: point.y * factor,
    })),
  }));
}

export class Drawing extends EventTarget {
  #canvas;
  #penMark;
  #pad;
  #size = 0;
  #cursor = { x: 0.5, y: 0.3 };
  #penDown = false;

  constructor(canvas, penMark) {
    super();
    this.#canvas = canvas;
    this.#penMark = penMark;
    this.#pad = new SignaturePad(canvas, { penColor: INK, throttle: 0, minDistance: 2 });
    this.#pad.addEventListener("beginStroke", () => {
      this.#liftPen();
      this.#penMark.hidden = true;
      this.dispatchEvent(new Event("begin"));
    });
    this.#pad.addEventListener("endStroke", () => this.#changed());
    canvas.addEventListener("focus", () => {
      if (canvas.matches(":focus-visible")) {
        this.#markPen();
      }
    });
    canvas.addEventListener("blur", () => {
      this.#liftPen();
      this.#penMark.hidden = true;
    });
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  get empty() {
    return this.#pad.isEmpty();
  }

  get penDown() {
    return this.#penDown;
  }

  clear() {
    this.#penDown = false;
    this.#pad.clear();
    this.#markPen();
    this.#changed();
  }

  undo() {
    this.#penDown = false;
    this.#show(this.#pad.toData().slice(0, -1));
    this.#markPen();
    this.#changed();
  }

  /** The drawing on white paper, as a PNG in a data URL. */
  toImage() {
    const picture = document.createElement("canvas");
    picture.width = picture.height = PICTURE_SIZE;
    const context = picture.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, PICTURE_SIZE, PICTURE_SIZE);
    context.drawImage(this.#canvas, 0, 0, PICTURE_SIZE, PICTURE_SIZE);
    return picture.toDataURL("image/png");
  }

  /** Move the keyboard's pen by parts of the paper, drawing if it is down. */
  movePen(dx, dy) {
    const keep = (value) => Math.min(0.96, Math.max(0.04, value));
    this.#cursor = { x: keep(this.#cursor.x + dx), y: keep(this.#cursor.y + dy) };
    if (this.#penDown) {
      const strokes = this.#pad.toData();
      // Twice: a curve is drawn up to the last point but one, and the ink would trail behind the pen.
      strokes.at(-1).points.push(this.#point(), this.#point());
      this.#show(strokes);
      this.#changed();
    }
    this.#markPen();
  }

  /** Put the keyboard's pen down, or lift it. */
  togglePen() {
    this.#penDown = !this.#penDown;
    if (this.#penDown) {
      this.dispatchEvent(new Event("begin"));
      const stroke = {
        penColor: INK,
        velocityFilterWeight: 0.7,
        compositeOperation: "source-over",
        ...this.#pen(),
        points: [this.#point()],
      };
      this.#show([...this.#pad.toData(), stroke]);
      this.#changed();
    }
    this.#markPen();
  }

  #liftPen() {
    this.#penDown = false;
  }

  #point() {
    const { x, y } = this.#cursor;
    return { x: x * this.#size, y: y * this.#size, pressure: 0.5, time: Date.now() };
  }

  #pen() {
    const width = this.#size * PEN_PART;
    return { minWidth: width, maxWidth: width, dotSize: width };
  }

  #show(strokes) {
    if (strokes.length === 0) {
      this.#pad.clear();
    } else {
      this.#pad.fromData(strokes);
    }
  }

  #markPen() {
    this.#penMark.hidden = false;
    this.#penMark.style.left = `${this.#cursor.x * 100}%`;
    this.#penMark.style.top = `${this.#cursor.y * 100}%`;
    this.#penMark.classList.toggle("down", this.#penDown);
  }

  #fit() {
    const size = this.#canvas.clientWidth;
    if (size === 0 || size === this.#size) {
      return;
    }
    const strokes = this.#size > 0 ? this.#pad.toData() : [];
    const factor = this.#size > 0 ? size / this.#size : 1;
    this.#size = size;
    const ratio = Math.max(window.devicePixelRatio || 1, 1);
    this.#canvas.width = this.#canvas.height = Math.round(size * ratio);
    this.#canvas.getContext("2d").scale(ratio, ratio);
    Object.assign(this.#pad, this.#pen());
    this.#show(scaleStrokes(strokes, factor, this.#pen()));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
