"""Requests that tests send to model servers."""

from __future__ import annotations

from typing import Any


def image_request(value: float = 0.0, count: int = 1) -> dict[str, Any]:
    """A V2 request with `count` blank pictures of that grey."""
    return {
        "inputs": [
            {
                "name": "input_1",
                "shape": [count, 28, 28, 1],
                "datatype": "FP32",
                "data": [value] * (784 * count),
            }
        ]
    }
