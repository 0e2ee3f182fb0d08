"""The client of the model: a drawing → a tensor → a V2 request → ten probabilities.

A drawing is normalised as the images of MNIST were: cropped to its ink, its longest side brought
to 20 pixels, and its centre of mass put in the middle of 28x28. What a drawing may differ in
(size, colour, transparency, stroke width, place) is gone after that.

Needs numpy and Pillow, nothing else, so that the function that calls the model stays small.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, UnidentifiedImageError

from mnist_workload.errors import DrawingError, InferenceError

INPUT_NAME = "input_1"
SIDE = 28
DIGIT_SIDE = 20
CLASSES = 10

MAX_BYTES = 1 << 20
MAX_SIDE = 4096

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Send = Callable[[dict[str, Any]], Mapping[str, Any]]

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_ORIENTATION = 0x0112
"""EXIF's tag for how a camera was held; 1 is upright."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture of each orientation upright, as browsers show it."""
_WORKING_SIDE = 200
"""Strokes are measured and evened out on a drawing of about this size."""
_STRIP = 256
_FAINTEST = 8
"""A canvas that differs from its background by less than this, of 255, is empty."""
_INK = 0.25
"""Share of the darkest ink from which a pixel belongs to the drawing."""
_THINNEST, _THICKEST = 2.0, 5.0
"""Width of a stroke, in pixels of the 20-pixel digit, within which MNIST's own strokes lie."""


def process_data(drawing: bytes | str) -> Floats:
    """Turn a drawing (bytes of an image, or a data URL) into the tensor the model reads.

    Raises DrawingError for what is no image, too large, or empty.
    """
    return normalise(_distance(_open(_content(drawing))))


def process_payload(tensor: Floats) -> dict[str, Any]:
    """Wrap a tensor [n, 28, 28, 1] in a request of the V2 inference protocol."""
    return {
        "inputs": [
            {
                "name": INPUT_NAME,
                "shape": list(tensor.shape),
                "datatype": "FP32",
                "data": [float(value) for value in tensor.ravel()],
            }
        ]
    }


def read_probabilities(reply: Mapping[str, Any]) -> list[float]:
    """Take the ten probabilities out of a reply of the V2 inference protocol."""
    if "error" in reply:
        raise InferenceError(f"the model server refused: {reply['error']}")
    try:
        values = np.asarray(reply["outputs"][0]["data"], dtype=np.float64).ravel()
    except (KeyError, IndexError, TypeError, ValueError):
        raise InferenceError("the model server's reply holds no outputs") from None
    if len(values) != CLASSES or not np.isfinite(values).all():
        raise InferenceError(f"the model server's reply holds no {CLASSES} probabilities")
    return [float(value) for value in values]


def predict(drawing: bytes | str, send: Send) -> list[float]:
    """Return the ten probabilities of a drawing; ``send`` posts a request, returns the reply."""
    return read_probabilities(send(process_payload(process_data(drawing))))


def normalise(ink: NDArray[Any]) -> Floats:
    """Bring ink (0 = background, the largest value = darkest) to MNIST's form: [1, 28, 28, 1]."""
    darkest = np.float32(ink.max())
    image = _even_strokes(_reduce(_crop(ink)).astype(np.float32) / darkest)
    height, width = image.shape
    factor = DIGIT_SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    digit = _as_array(_as_image(image).resize(size, Image.Resampling.LANCZOS))
    digit /= max(float(digit.max()), _INK)
    return _centre(digit).reshape(1, SIDE, SIDE, 1)


def _content(drawing: bytes | str) -> bytes:
    if isinstance(drawing, str):
        head, comma, text = drawing.partition(",")
        if not (comma and head.startswith("data:image/") and head.endswith(";base64")):
            raise DrawingError("the drawing is no data URL of an image (data:image/png;base64,…)")
        if len(text) > MAX_BYTES * 4 // 3 + 4:
            raise DrawingError(f"the drawing is larger than {MAX_BYTES} bytes")
        try:
            drawing = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise DrawingError("the data URL is not valid base64") from None
    if len(drawing) > MAX_BYTES:
        raise DrawingError(f"the drawing is larger than {MAX_BYTES} bytes: {len(drawing)}")
    return drawing


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        # The size is in the header: nothing is unpacked before it is known to be harmless.
        if max(image.size) > MAX_SIDE:
            raise DrawingError(
                f"the drawing is larger than {MAX_SIDE} pixels a side: "
                f"{image.size[0]}x{image.size[1]}"
            )
        colours = _colours(image)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise DrawingError("the drawing is not an image that can be read") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, DrawingError):
            raise
        raise DrawingError("the drawing is a damaged image") from None
    turn = _UPRIGHT.get(_orientation(image))
    return colours if turn is None else colours.transpose(turn)


def _colours(image: Image.Image) -> Image.Image:
    """Return the image as RGBA; Pillow's own conversion clips grey of 16 bits at 255."""
    if not image.mode.startswith("I"):
        return image.convert("RGBA")
    values = np.asarray(image).astype(np.int64)
    grey = Image.fromarray((values.clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGBA")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # What is no EXIF fails in as many ways as it has bytes; viewers show such a picture as is.
        return 1


def _distance(image: Image.Image) -> Bytes:
    """Tell how far each pixel is from the background, whatever the two colours are."""
    pixels = np.asarray(image)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = np.median(_weighed(edge), axis=0)
    distance = np.empty(pixels.shape[:2], np.uint8)
    # In strips: a drawing of the largest size would fill the memory of a small function.
    for start in range(0, len(pixels), _STRIP):
        strip = slice(start, start + _STRIP)
        distance[strip] = np.abs(_weighed(pixels[strip]) - background).max(axis=-1).round()
    if distance.max() < _FAINTEST:
        raise DrawingError("the canvas is empty: draw a digit")
    return distance


def _weighed(pixels: Bytes) -> Floats:
    """Weigh the colour by the opacity, so that black on nothing differs from nothing too."""
    weighed = pixels.astype(np.float32)
    weighed[..., :3] *= weighed[..., 3:] / np.float32(255)
    return weighed


def _crop(ink: NDArray[Any]) -> NDArray[Any]:
    inside = ink >= _INK * ink.max()
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _reduce(ink: NDArray[Any]) -> NDArray[Any]:
    """Bring a large drawing near the working size without losing its thin strokes."""
    factor = math.ceil(max(ink.shape) / _WORKING_SIDE)
    if factor == 1:
        return ink
    height, width = (math.ceil(side / factor) * factor for side in ink.shape)
    padded = np.pad(ink, ((0, height - ink.shape[0]), (0, width - ink.shape[1])))
    reduced: NDArray[Any] = padded.reshape(height // factor, factor, width // factor, factor).max(
        (1, 3)
    )
    return reduced


def _even_strokes(ink: Floats) -> Floats:
    """Thicken or thin the strokes until they are as wide as MNIST's."""
    unit = max(ink.shape) / DIGIT_SIDE
    if unit < 3:
        return ink  # too few pixels to change strokes by a part of one
    width = _stroke_width(ink) / unit
    if width < _THINNEST:
        change = round((_THINNEST - width) * unit / 2)
        image = _as_image(np.pad(ink, change + 1))
        step: ImageFilter.RankFilter = ImageFilter.MaxFilter(3)
    elif width > _THICKEST:
        change = round((width - _THICKEST) * unit / 2)
        image = _as_image(np.pad(ink, 1))
        step = ImageFilter.MinFilter(3)
    else:
        return ink
    # Pixel by pixel, so that the cost does not grow with the square of the change.
    for _ in range(change):
        image = image.filter(step)
    evened = _as_array(image)
    return _crop(evened) if evened.max() >= _INK else _crop(ink)


def _stroke_width(ink: Floats) -> float:
    """Estimate the mean width of the strokes, in pixels: twice their area by their outline."""
    inside = np.pad(ink >= _INK, 1)
    core = (
        inside[1:-1, 1:-1]
        & inside[:-2, 1:-1]
        & inside[2:, 1:-1]
        & inside[1:-1, :-2]
        & inside[1:-1, 2:]
    )
    area = int(inside.sum())
    outline = area - int(core.sum())
    # A stroke one pixel wide is all outline, and has it on both sides.
    return 2 * area / outline if outline < area else 1.0


def _centre(digit: Floats) -> Floats:
    """Put the centre of mass in the middle, as far as the digit then stays inside."""
    height, width = digit.shape
    mass = float(digit.sum())
    row = float((digit.sum(axis=1) * np.arange(height)).sum()) / mass
    column = float((digit.sum(axis=0) * np.arange(width)).sum()) / mass
    top = min(max(round(SIDE / 2 - row), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - width)
    canvas = np.zeros((SIDE, SIDE), np.float32)
    canvas[top : top + height, left : left + width] = digit
    return canvas


def _as_image(ink: Floats) -> Image.Image:
    return Image.fromarray(np.round(ink * 255).astype(np.uint8))


def _as_array(image: Image.Image) -> Floats:
    return np.asarray(image, dtype=np.float32) / np.float32(255)
