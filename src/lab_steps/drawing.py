"""Function, page and the digit drawn on it. Every function returns what is wrong, or ""."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

SIDE = 28
# A drawing as the page's canvas makes it: 280 × 280 of dark ink on white.
SCALE = 10
PROBES = 10
# A drawing is cut out and centred anew, and no model is perfect.
LEAST_RIGHT = 8


def function_fault(service: Mapping[str, Any] | None) -> str:
    """The serverless function is there and ready."""
    if service is None:
        return "the function is not deployed; run oc apply -k ./inference/"
    conditions = (service.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((c for c in conditions if c["type"] == "Ready"), {})
    if ready.get("status") == "True":
        return ""
    return f"the function is not ready: {ready.get('reason')}: {ready.get('message')}"


def page_fault(status: int, policy: str) -> str:
    """The page comes with a policy that allows no other host."""
    if status != 200:
        return f"it answered {status}"
    if "default-src 'none'" not in policy or "https:" in policy:
        return f"its policy lets other hosts in: {policy!r}"
    return ""


def refused_fault(status: int, body: Mapping[str, Any]) -> str:
    """An empty drawing is refused with a sentence."""
    if status != 422:
        return f"it answered {status}"
    return "" if (body.get("error") or {}).get("cause") else "it does not say why"


def recognised_fault(found: Sequence[tuple[int, Any]]) -> str:
    """Pairs of the true digit and the answer for `PROBES` drawings."""
    right = sum(label == answer for label, answer in found)
    if right >= min(LEAST_RIGHT, len(found)) and found:
        return ""
    wrong = ", ".join(f"a {label} for a {answer}" for label, answer in found if label != answer)
    return f"only {right} of {len(found)} drawings were recognised: it took {wrong}"


def digits(text: bytes, count: int = PROBES) -> list[tuple[int, bytes]]:
    """The first images of a CSV file of MNIST, after its header: label, and 28 × 28 bytes.

    Raises:
        ValueError: a row has not 785 numbers from 0 to 255.
    """
    found = []
    for line in text.decode("ascii").splitlines()[1 : count + 1]:
        numbers = [int(number) for number in line.split(",")]
        if len(numbers) != SIDE * SIDE + 1:
            raise ValueError(f"a row of the test images has {len(numbers)} columns, not 785")
        found.append((numbers[0], bytes(numbers[1:])))
    return found


def drawing(image: bytes) -> str:
    """A test image, 28 × 28 bytes, as the page is sent a drawing: a data URL of a PNG."""
    width = SIDE * SCALE
    rows = bytearray()
    for y in range(SIDE):
        row = bytes(255 - value for value in image[y * SIDE : (y + 1) * SIDE] for _ in range(SCALE))
        rows += (b"\x00" + row) * SCALE
    header = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 1)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


EMPTY = drawing(bytes(SIDE * SIDE))
