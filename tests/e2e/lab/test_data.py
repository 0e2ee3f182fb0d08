"""The data: all of MNIST in the bucket."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

pytestmark = pytest.mark.data

# Images of each digit in MNIST's test set (LeCun, Cortes and Burges).
TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


def read_rows(bucket, key: str) -> tuple[list[str], np.ndarray]:
    """The header and all rows, uint8 [rows, 785]."""
    text = bucket.read(key)
    header, _, body = text.partition(b"\n")
    numbers = np.array(body.replace(b"\n", b",").rstrip(b",").split(b","), dtype=np.uint8)
    return next(csv.reader(io.StringIO(header.decode()))), numbers.reshape(-1, 785)


def test_test_set_is_complete(bucket) -> None:
    """All 10,000 test images are there, each digit as often as in MNIST."""
    header, rows = read_rows(bucket, "data/test.csv")
    assert header == ["label", *(f"pixel{i}" for i in range(784))]
    assert len(rows) == 10_000
    assert tuple(np.bincount(rows[:, 0], minlength=10)) == TEST_COUNTS


def test_training_set_is_complete(bucket) -> None:
    """All 60,000 training images are there."""
    lines, last = 0, b""
    for chunk in bucket.stream("data/train.csv", 1 << 20):
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    assert lines + (last != b"\n") - 1 == 60_000
