"""Drawings: whatever they look like, the model sees MNIST; what is no drawing is refused."""

from __future__ import annotations

import base64
import io
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from mnist_workload import inference
from mnist_workload.errors import DrawingError, InferenceError

STROKES = ((110, 60), (210, 60), (150, 240))
"""A seven, on a canvas of 300 pixels."""


def draw(*, side=300, ink="black", paper="white", mode="RGB", width=24, scale=1.0, move=(0, 0)):
    """Draw a seven with round ends, as the page does."""
    canvas = Image.new(mode, (side, side), paper)
    pen = ImageDraw.Draw(canvas)
    points = [((x * scale) + move[0], (y * scale) + move[1]) for x, y in STROKES]
    pen.line(points, fill=ink, width=width, joint="curve")
    for x, y in points:
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)
    return canvas


def encode(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format=kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def expected():
    """Return what the model sees of the seven in black on white."""
    return inference.process_data(encode(draw()))


def centre_of_mass(tensor):
    image = tensor[0, ..., 0]
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def likeness(one, other):
    """Compare two images: 1 where they are the same, 0 where they have nothing in common."""
    a, b = one.ravel(), other.ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_a_drawing_takes_mnists_form(expected):
    assert expected.shape == (1, 28, 28, 1)
    assert expected.dtype == np.float32
    assert (expected.min(), expected.max()) == (0, 1)
    rows, columns = np.nonzero(expected[0, ..., 0])
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert np.allclose(centre_of_mass(expected), (14, 14), atol=0.6)


@pytest.mark.parametrize(
    "drawing",
    [
        pytest.param(draw(ink="white", paper="black"), id="white on black"),
        pytest.param(draw(ink="orange", paper="navy"), id="colours"),
        pytest.param(draw(ink=(120, 120, 120), paper=(150, 150, 150)), id="faint"),
        pytest.param(draw(mode="RGBA", ink=(0, 0, 0, 255), paper=(0, 0, 0, 0)), id="on nothing"),
        pytest.param(
            draw(mode="RGBA", ink=(255, 255, 255, 255), paper=(255, 255, 255, 0)),
            id="white on nothing",
        ),
        pytest.param(draw(mode="RGBA", ink=(0, 0, 255, 90), paper=(0, 0, 0, 0)), id="thin paint"),
        pytest.param(draw(mode="L", ink=0, paper=255), id="grey"),
        pytest.param(draw(mode="1", ink=0, paper=1), id="two colours"),
        pytest.param(draw(move=(60, 50)), id="far corner"),
        pytest.param(draw(side=600, move=(-80, 290)), id="another corner"),
        pytest.param(draw(side=120, scale=0.4, width=10), id="small"),
        pytest.param(draw(side=1800, scale=6, width=144), id="large"),
        pytest.param(draw(side=4096, scale=2, width=48), id="on the largest canvas"),
        pytest.param(draw(width=14), id="thinner"),
        pytest.param(draw(width=4), id="a hair"),
        pytest.param(draw(side=1200, scale=4, width=3), id="a hair on a large canvas"),
        pytest.param(draw(width=60), id="a broad brush"),
    ],
)
def test_what_a_drawing_may_differ_in_is_gone(drawing, expected):
    tensor = inference.process_data(encode(drawing))
    assert likeness(tensor, expected) > 0.75
    assert np.allclose(centre_of_mass(tensor), (14, 14), atol=0.6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_kinds_of_images(kind, expected):
    assert likeness(inference.process_data(encode(draw(), kind)), expected) > 0.97


def test_a_data_url(expected):
    text = base64.b64encode(encode(draw())).decode()
    assert (inference.process_data(f"data:image/png;base64,{text}") == expected).all()


def test_an_image_of_mnist_stays_as_it_is(expected):
    again = inference.process_data(encode(Image.fromarray(np.uint8(expected[0, ..., 0] * 255))))
    assert likeness(again, expected) > 0.97


@pytest.mark.parametrize(
    "points", [((150, 20), (150, 280)), ((20, 150), (280, 150)), ((150, 150), (151, 150))]
)
def test_a_lone_stroke_or_dot_is_no_failure(points):
    canvas = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(canvas).line(points, fill=0, width=10)
    tensor = inference.process_data(encode(canvas))
    assert tensor.max() == 1
    assert np.isfinite(tensor).all()


def test_ink_that_touches_the_edge_is_not_the_background():
    canvas = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(canvas).line(((0, 30), (199, 30), (120, 199)), fill=0, width=20)
    tensor = inference.process_data(encode(canvas))
    assert tensor[0, 0, :, 0].max() == 0
    assert tensor.mean() < 0.4


def png_header(width, height):
    """Return the beginning of a PNG that says it is of that size, with hardly any data."""

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("drawing", "said"),
    [
        pytest.param(b"", "not an image", id="nothing"),
        pytest.param(b"no image at all", "not an image", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image", id="svg"),
        pytest.param(encode(draw())[:400], "damaged|not an image", id="cut short"),
        pytest.param(png_header(5000, 5000), "larger than 4096 pixels", id="too wide and high"),
        pytest.param(png_header(4097, 10), "larger than 4096 pixels", id="too wide"),
        pytest.param(png_header(60000, 60000), "larger than 4096|not an image", id="bomb"),
        pytest.param(
            encode(draw()) + bytes(inference.MAX_BYTES), "larger than 1048576 bytes", id="too long"
        ),
        pytest.param("data:image/png;base64," + "A" * 1_500_000, "larger than", id="long URL"),
        pytest.param("data:image/png;base64,***", "not valid base64", id="bad base64"),
        pytest.param("data:text/html;base64,PGI+", "no data URL of an image", id="other URL"),
        pytest.param("data:image/png,raw", "no data URL of an image", id="no base64"),
        pytest.param("http://example.com/7.png", "no data URL of an image", id="web address"),
        pytest.param(encode(Image.new("L", (50, 50), 255)), "canvas is empty", id="white"),
        pytest.param(encode(Image.new("L", (50, 50), 0)), "canvas is empty", id="black"),
        pytest.param(
            encode(Image.new("RGBA", (9, 9), (7, 8, 9, 0))), "is empty", id="nothing on it"
        ),
    ],
)
def test_what_is_no_drawing_is_refused(drawing, said):
    with pytest.raises(DrawingError, match=said):
        inference.process_data(drawing)


def test_any_bytes_are_a_drawing_or_refused():
    chance = random.Random(4)
    good = encode(draw(side=60, scale=0.2, width=5))
    for _ in range(200):
        damaged = bytearray(good)
        for _ in range(chance.randrange(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            tensor = inference.process_data(bytes(damaged))
        except DrawingError:
            continue
        assert tensor.shape == (1, 28, 28, 1)
        assert np.isfinite(tensor).all()


def test_the_request_is_the_v2_protocols(expected):
    request = inference.process_payload(expected)
    (tensor,) = request["inputs"]
    assert (tensor["name"], tensor["datatype"]) == ("input_1", "FP32")
    assert tensor["shape"] == [1, 28, 28, 1]
    assert np.allclose(tensor["data"], expected.ravel())
    assert all(type(value) is float for value in tensor["data"])


def test_the_reply_becomes_ten_probabilities():
    values = [0.1] * 10
    assert inference.read_probabilities({"outputs": [{"data": values}]}) == values
    assert inference.read_probabilities({"outputs": [{"data": [values]}]}) == values


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"error": "no such model"}, "refused: no such model"),
        ({}, "holds no outputs"),
        ({"outputs": []}, "holds no outputs"),
        ({"outputs": [{"data": ["a"]}]}, "holds no outputs"),
        ({"outputs": None}, "holds no outputs"),
        ({"outputs": [{"data": [0.1] * 9}]}, "no 10 probabilities"),
        ({"outputs": [{"data": [float("nan")] * 10}]}, "no 10 probabilities"),
    ],
)
def test_a_reply_without_probabilities_is_refused(reply, said):
    with pytest.raises(InferenceError, match=said):
        inference.read_probabilities(reply)


def test_a_prediction_from_drawing_to_answer():
    sent = []

    def server(request):
        sent.append(request)
        return {"outputs": [{"data": np.eye(10)[7].tolist()}]}

    probabilities = inference.predict(encode(draw()), server)
    assert int(np.argmax(probabilities)) == 7
    assert sent[0]["inputs"][0]["shape"] == [1, 28, 28, 1]


def test_it_needs_numpy_and_pillow_only():
    heavy = ("tensorflow", "keras", "pandas", "onnx", "onnxruntime", "boto3", "matplotlib")
    code = f"import sys; sys.modules.update(dict.fromkeys({heavy!r})); "
    subprocess.run(
        [sys.executable, "-c", code + "import mnist_workload.inference"],
        check=True,
        timeout=60,
    )


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that was held so has turned the picture; EXIF says it to be set upright."""
LOSSLESS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa"),
}
"""Modes of Pillow in which each format that knows an orientation can be written."""
KINDS = [(kind, mode) for kind, modes in LOSSLESS.items() for mode in modes]


def in_mode(image, mode):
    """Return a black and white image in a mode of Pillow; grey of 16 bits spans all of them."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode == "RGBa":
        return image.convert("RGBA").convert(mode)
    return image.convert(mode)


def turned(image, orientation):
    """Return the picture as a camera held so keeps it, and what says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return (image.transpose(TURNS[orientation]) if orientation in TURNS else image), exif


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(KINDS), st.integers(0, 9))
def test_any_mode_and_any_orientation_is_the_same_tensor(expected, written, orientation):
    kind, mode = written
    picture, exif = turned(in_mode(draw(), mode), orientation)
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (inference.process_data(encode(picture, kind, exif=exif, **options)) == expected).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_held_anyhow_is_nearly_the_same(expected, mode, orientation):
    picture, exif = turned(draw().convert(mode), orientation)
    content = encode(picture, "JPEG", exif=exif, quality=95)
    assert likeness(inference.process_data(content), expected) > 0.97


def test_bright_grey_of_16_bits_is_not_empty():
    grey = np.where(np.asarray(draw().convert("L")) == 0, 40000, 65535).astype(np.uint16)
    eight = Image.fromarray((grey / 257).round().astype(np.uint8))
    tensor = inference.process_data(encode(Image.fromarray(grey)))
    assert (tensor == inference.process_data(encode(eight))).all()


def test_an_orientation_that_cannot_be_read_leaves_the_picture_as_it_is(expected):
    content = encode(draw(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")
    assert (inference.process_data(content) == expected).all()
