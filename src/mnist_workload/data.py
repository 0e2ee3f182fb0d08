"""MNIST: its own IDX files, and the Kaggle layout (CSV) that the notebooks read."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mnist_workload.checksums import verify_checksums
from mnist_workload.errors import (
    DataError,
    ForeignFileError,
    LabelError,
    MissingColumnError,
    PixelError,
    TruncatedFileError,
)
from mnist_workload.files import written_whole

SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10
COLUMNS = ("label", *(f"pixel{index}" for index in range(PIXELS)))

_IMAGES_MAGIC = 2051
_LABELS_MAGIC = 2049
_ROWS_AT_ONCE = 5000

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Dataset:
    """Images (n, 28, 28) and their labels (n), as whole numbers."""

    images: Bytes
    labels: Bytes

    def __post_init__(self) -> None:
        """Refuse images and labels that do not belong together."""
        if self.images.shape[1:] != (SIDE, SIDE):
            raise DataError("images", f"must be {SIDE}x{SIDE} each", value=self.images.shape)
        if len(self.images) != len(self.labels):
            raise DataError(
                "labels",
                f"must be as many as the {len(self.images)} images",
                value=len(self.labels),
            )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)


def read_idx_dataset(images: Path, labels: Path) -> Dataset:
    """Read an IDX file of images and the IDX file of their labels."""
    dataset = Dataset(_read_idx(images, _IMAGES_MAGIC, 3), _read_idx(labels, _LABELS_MAGIC, 1))
    _check_labels(dataset.labels, str(labels), 0)
    return dataset


def read_mnist(folder: Path, checksums: dict[str, str] | None = None) -> tuple[Dataset, Dataset]:
    """Read the training and the test images from a folder of IDX files, checksums first."""
    verify_checksums(folder, checksums)
    train, test = (
        read_idx_dataset(folder / f"{part}-images-idx3-ubyte", folder / f"{part}-labels-idx1-ubyte")
        for part in ("train", "t10k")
    )
    return train, test


def write_csv(dataset: Dataset, path: Path) -> None:
    """Write the Kaggle layout. The same data always gives the same bytes."""
    with written_whole(path) as stream:
        stream.write(",".join(COLUMNS).encode() + b"\n")
        for start in range(0, len(dataset), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            rows = np.column_stack([dataset.labels[part], dataset.images[part].reshape(-1, PIXELS)])
            stream.write(_rows_as_text(rows))


def read_csv(source: Path | IO[bytes], name: str | None = None) -> Dataset:
    """Read the Kaggle layout and check every value.

    ``name`` is what errors call the source; row 1 is the first row under the header.
    """
    name = name or str(source)
    if isinstance(source, Path):
        if not source.is_file():
            raise DataError(name, "no such file")
        with source.open("rb") as stream:
            return _read_csv(stream, name)
    return _read_csv(source, name)


def _read_idx(path: Path, magic: int, dimensions: int) -> Bytes:
    if not path.is_file():
        raise DataError(str(path), "no such file")
    content = path.read_bytes()
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise TruncatedFileError(str(path), f"has no whole header of {header} bytes")
    number, *shape = struct.unpack(f">{1 + dimensions}I", content[:header])
    if number != magic:
        raise ForeignFileError(str(path), f"is no IDX file of magic number {magic}", value=number)
    if dimensions == 3 and tuple(shape[1:]) != (SIDE, SIDE):
        raise ForeignFileError(str(path), f"its images are not {SIDE}x{SIDE}", value=shape[1:])
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - header < size:
        raise TruncatedFileError(
            str(path), f"must hold {size} bytes of data", value=len(content) - header
        )
    if len(content) - header > size:
        raise ForeignFileError(
            str(path), f"holds more than its {size} bytes of data", value=len(content) - header
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _rows_as_text(rows: Bytes) -> bytes:
    """Turn a table of bytes into text, digit by digit and all cells at once."""
    cells = np.empty((*rows.shape, 4), np.uint8)
    cells[..., 0] = rows // 100 + ord("0")
    cells[..., 1] = rows // 10 % 10 + ord("0")
    cells[..., 2] = rows % 10 + ord("0")
    cells[..., 3] = ord(",")
    cells[:, -1, 3] = ord("\n")
    written = np.ones(cells.shape, bool)
    written[..., 0] = rows >= 100
    written[..., 1] = rows >= 10
    return cells[written].tobytes()


def _read_csv(stream: IO[bytes], name: str) -> Dataset:
    parts: list[Bytes] = []
    rows = 0
    for frame in _frames(stream, name):
        if not rows:
            _check_columns(frame, name)
        if frame.empty:
            break
        parts.append(_values(frame, name, rows))
        rows += len(frame)
    if not rows:
        raise TruncatedFileError(name, "holds no row of data")
    table = np.concatenate(parts)
    return Dataset(np.ascontiguousarray(table[:, 1:]).reshape(-1, SIDE, SIDE), table[:, 0].copy())


def _frames(stream: IO[bytes], name: str) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(
            stream, chunksize=_ROWS_AT_ONCE, index_col=False, encoding="utf-8"
        ) as reader:
            while (frame := _next_frame(reader)) is not None:
                yield frame
    except pd.errors.EmptyDataError:
        raise TruncatedFileError(name, "is empty") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        raise ForeignFileError(name, f"is no table of the Kaggle layout ({error})") from error


def _next_frame(reader: Any) -> pd.DataFrame | None:
    with warnings.catch_warnings():
        # Rows longer than the header would only be warned of, and cut.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(reader, None)


def _check_columns(frame: pd.DataFrame, name: str) -> None:
    for column in COLUMNS:
        if column not in frame.columns:
            raise MissingColumnError(name, "the column is missing", column=column)
    extra = [column for column in frame.columns if column not in COLUMNS]
    if extra:
        raise ForeignFileError(
            name, "has a column that is not of the Kaggle layout", column=str(extra[0])
        )


def _values(frame: pd.DataFrame, name: str, rows_before: int) -> Bytes:
    frame = frame[list(COLUMNS)]
    for column in frame.columns[[not np.issubdtype(kind, np.integer) for kind in _kinds(frame)]]:
        _refuse_non_integer(frame[column], name, rows_before)
    table = frame.to_numpy()
    _check_labels(table[:, 0], name, rows_before)
    wrong = (table < 0) | (table > 255)
    if wrong.any():
        row, column_index = (int(index) for index in np.argwhere(wrong)[0])
        raise PixelError(
            name,
            "a pixel is from 0 to 255",
            row=rows_before + row + 1,
            column=COLUMNS[column_index],
            value=int(table[row, column_index]),
        )
    values: Bytes = table.astype(np.uint8)
    return values


def _kinds(frame: pd.DataFrame) -> list[Any]:
    # pandas' own kinds (text, nullable) count as not whole numbers.
    return [kind if isinstance(kind, np.dtype) else np.dtype(object) for kind in frame.dtypes]


def _refuse_non_integer(column: pd.Series[Any], name: str, rows_before: int) -> None:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(numbers) | (numbers != np.floor(numbers)))
    row = int(wrong[0]) if len(wrong) else int(np.argmax(np.abs(numbers)))
    kind = LabelError if column.name == "label" else PixelError
    value = column.iloc[row]
    raise kind(
        name,
        "is not a whole number",
        row=rows_before + row + 1,
        column=str(column.name),
        value="nothing" if pd.isna(value) else str(value),
    )


def _check_labels(labels: NDArray[Any], name: str, rows_before: int) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        row = int(wrong[0])
        raise LabelError(
            name,
            "a label is from 0 to 9",
            row=rows_before + row + 1,
            column="label",
            value=int(labels[row]),
        )
