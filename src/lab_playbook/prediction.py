"""The task ``lab_prediction``: real digits through the page, their answers against the labels."""

from __future__ import annotations

import base64
import functools
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from lab_diagnosis import Finding
from lab_ground.s3 import Bucket
from lab_ground.waiting import moments
from lab_playbook.buckets import open_bucket, telling
from lab_playbook.outcome import Arguments, Result, TaskError

SIDE = 28
# No row of the table is longer: a label and 784 pixels of at most three digits each.
LONGEST_ROW = 4 + SIDE * SIDE * 4
HEADER = 8192
# Seconds in which a router may still answer for a page whose pod has only just become ready.
SETTLE = 15.0
PAUSE = 0.5


class WrongAnswerError(Exception):
    """The page's answer is not the digit that was sent."""


def read_digits(bucket: Bucket, key: str, number: int) -> list[tuple[int, bytes]]:
    """Return label and pixels of the table's first rows, without reading all of it."""
    end = HEADER + number * LONGEST_ROW
    with bucket.told(key):
        part = bucket.client.get_object(Bucket=bucket.name, Key=key, Range=f"bytes=0-{end}")["Body"]
        rows = part.read().decode("ascii").splitlines()[1 : number + 1]
    digits = [[int(value) for value in row.split(",")] for row in rows]
    if len(digits) < number or any(len(digit) != 1 + SIDE * SIDE for digit in digits):
        raise ValueError(f"{key} does not hold {number} images of {SIDE}x{SIDE} pixels")
    return [(digit[0], bytes(digit[1:])) for digit in digits]


def as_data_url(pixels: bytes) -> str:
    """Return an image as a canvas would send it: dark ink on white, as PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    lines = [bytes(255 - value for value in pixels[i : i + SIDE]) for i in range(0, 784, SIDE)]
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def read_answer(status: int, answer: Any) -> tuple[int, float]:
    """Return the digit of the page's answer, or raise what the page says instead."""
    if status != 200:
        error = answer.get("error") if isinstance(answer, dict) else None
        said = [error.get(part) for part in ("message", "cause", "remedy")] if error else []
        raise WrongAnswerError(" ".join(filter(None, said)) or f"answered with HTTP {status}")
    return answer["digit"], answer["probabilities"][answer["digit"]]


def is_routers(reply: Any) -> bool:
    """Tell a router's own answer, that it reaches no pod yet, from one of the page."""
    kind = str(reply.headers.get("Content-Type", ""))
    return reply.status_code in (502, 503, 504) and "json" not in kind


def send(post: Callable[[], Any]) -> tuple[Any, int]:
    """Post until it is the page that answers; return its reply and the milliseconds of it."""
    reply, spent = None, 0.0
    for _ in moments(SETTLE, PAUSE):
        began = time.monotonic()
        reply = post()
        spent = time.monotonic() - began
        if not is_routers(reply):
            break
    return reply, round(spent * 1000)


def ask(
    session: Any,
    page: str,
    digits: Sequence[tuple[int, bytes]],
    timeout: float,
    verify: str | bool = True,
) -> list[int]:
    """Send every digit; return the milliseconds of each answer."""
    times = []
    for row, (label, pixels) in enumerate(digits, 1):
        post = functools.partial(
            session.post,
            f"{page.rstrip('/')}/api/predict",
            json={"image": as_data_url(pixels)},
            timeout=timeout,
            # Of the request, not of the session: there an authority of the environment would win.
            verify=verify,
        )
        reply, spent = send(post)
        times.append(spent)
        try:
            body = reply.json()
        except ValueError:
            body = None
        digit, probability = read_answer(reply.status_code, body)
        if digit != label:
            raise WrongAnswerError(
                f"reads the {label} of row {row} of the test data as {digit} "
                f"(probability {probability:.2f})"
            )
    return times


def prove(arguments: Arguments, check_mode: bool) -> Result:
    """Send the test data's first digits through the page.

    Raises:
        TaskError: a digit cannot be read, or the page answers wrongly or not at all.
    """
    del check_mode
    import requests

    bucket = open_bucket(arguments)
    refused = f"No test digit can be read from {arguments['url']}"
    try:
        with telling(refused):
            digits = read_digits(bucket, arguments["key"], arguments["digits"])
    except ValueError as error:
        raise TaskError(f"{refused}: {error}") from error
    page, verify = arguments["page"], arguments["ca_certificate"] or True
    try:
        times = ask(requests.Session(), page, digits, arguments["timeout"], verify)
    except (WrongAnswerError, requests.RequestException) as error:
        said = str(error) if isinstance(error, WrongAnswerError) else f"gave no answer: {error}"
        show = "get deployments,ksvc,inferenceservices,pods"
        finding = Finding(f"Page {page}", said, f"oc -n {arguments['namespace']} {show}")
        raise TaskError.of(finding) from error
    return {"digits": [label for label, _ in digits], "milliseconds": times}
