#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Sends real test digits through the page and compares the answers with their labels."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_prediction
short_description: Prove that the page recognises real digits
description:
  - Reads the first images of the test data in the bucket, which no model was trained with.
  - Sends each to the page as a picture, as a browser does, and compares the answer with the label.
  - Changes nothing. A wrong answer, or none, is a failure that says what the page said.
extends_documentation_fragment: lab_bucket
options:
  page:
    description: Address of the page.
    type: str
    required: true
  key:
    description: Key of the test data.
    type: str
    default: data/test.csv
  digits:
    description: Number of images to send.
    type: int
    default: 5
  timeout:
    description: Seconds to wait for an answer; the first one wakes the function.
    type: int
    default: 70
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Send test digits through the page
  lab_prediction:
    url: https://minio-ds-pipeline-mnist.apps.example.com
    namespace: mnist
    page: https://mnist-webapp-mnist.apps.example.com
"""

RETURN = r"""
digits:
  description: The labels, each of which the page answered.
  type: list
  elements: int
  returned: success
milliseconds:
  description: How long each answer took.
  type: list
  elements: int
  returned: success
"""

import base64
import functools
import struct
import time
import zlib

from ansible.module_utils.basic import AnsibleModule

from lab_diagnosis import Finding
from lab_ground.data_connection import bucket_arguments, open_bucket

SIDE = 28
# No row of the table is longer: a label and 784 pixels of at most three digits each.
LONGEST_ROW = 4 + SIDE * SIDE * 4
HEADER = 8192
# Seconds in which a router may still answer for a page whose pod has only just become ready.
SETTLE = 15.0
PAUSE = 0.5


class WrongAnswerError(Exception):
    """The page's answer is not the digit that was sent."""


def read_digits(bucket, key, number):
    """Return label and pixels of the table's first rows, without reading all of it."""
    end = HEADER + number * LONGEST_ROW
    part = bucket.client.get_object(Bucket=bucket.name, Key=key, Range=f"bytes=0-{end}")["Body"]
    rows = part.read().decode("ascii").splitlines()[1 : number + 1]
    digits = [[int(value) for value in row.split(",")] for row in rows]
    if len(digits) < number or any(len(digit) != 1 + SIDE * SIDE for digit in digits):
        raise ValueError(f"{key} does not hold {number} images of {SIDE}x{SIDE} pixels")
    return [(digit[0], bytes(digit[1:])) for digit in digits]


def as_data_url(pixels):
    """Return an image as a canvas would send it: dark ink on white, as PNG."""

    def chunk(kind, content):
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


def read_answer(status, answer):
    """Return the digit of the page's answer, or raise what the page says instead."""
    if status != 200:
        error = answer.get("error") if isinstance(answer, dict) else None
        said = [error.get(part) for part in ("message", "cause", "remedy")] if error else []
        raise WrongAnswerError(" ".join(filter(None, said)) or f"answered with HTTP {status}")
    return answer["digit"], answer["probabilities"][answer["digit"]]


def is_routers(reply):
    """Tell a router's own answer, that it reaches no pod yet, from one of the page."""
    return reply.status_code in (502, 503, 504) and "json" not in reply.headers.get(
        "Content-Type", ""
    )


def send(post):
    """Post until it is the page that answers; return its reply and the milliseconds of it."""
    deadline = time.monotonic() + SETTLE
    while True:
        began = time.monotonic()
        reply = post()
        if not is_routers(reply) or time.monotonic() > deadline:
            return reply, round((time.monotonic() - began) * 1000)
        time.sleep(PAUSE)


def ask(session, page, digits, timeout, verify=True):
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


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **bucket_arguments(),
            "page": {"type": "str", "required": True},
            "key": {"type": "str", "default": "data/test.csv", "no_log": False},
            "digits": {"type": "int", "default": 5},
            "timeout": {"type": "int", "default": 70},
        },
        supports_check_mode=True,
    )
    import requests
    from botocore.exceptions import BotoCoreError, ClientError
    from kubernetes.client.exceptions import ApiException

    args = module.params
    try:
        digits = read_digits(open_bucket(args), args["key"], args["digits"])
    except ApiException as error:
        module.fail_json(
            msg=f"The data connection {args['namespace']}/{args['data_connection']} "
            f"cannot be read: {error.reason}"
        )
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        module.fail_json(msg=f"No test digit can be read from {args['url']}: {error}")
    verify = args["ca_certificate"] or True
    try:
        times = ask(requests.Session(), args["page"], digits, args["timeout"], verify)
    except (WrongAnswerError, requests.RequestException) as error:
        finding = Finding(
            f"Page {args['page']}",
            str(error) if isinstance(error, WrongAnswerError) else f"gave no answer: {error}",
            f"oc -n {args['namespace']} get deployments,ksvc,inferenceservices,pods",
        )
        module.fail_json(msg=finding.sentence, **finding.as_dict())
    module.exit_json(changed=False, digits=[label for label, _ in digits], milliseconds=times)


if __name__ == "__main__":
    main()
