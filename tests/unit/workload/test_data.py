"""IDX files and the Kaggle layout: what is right comes through whole, what is wrong is named."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from mnist_workload.data import COLUMNS, Dataset, read_csv, read_idx_dataset, read_mnist, write_csv
from mnist_workload.errors import (
    DataError,
    ForeignFileError,
    LabelError,
    MissingColumnError,
    PixelError,
    TruncatedFileError,
)


@pytest.fixture
def images_file(idx_folder):
    return idx_folder / "train-images-idx3-ubyte"


@pytest.fixture
def labels_file(idx_folder):
    return idx_folder / "train-labels-idx1-ubyte"


@pytest.fixture
def csv_text(dataset, tmp_path):
    """Return three rows of the Kaggle layout as lists of cells."""
    path = tmp_path / "three.csv"
    write_csv(Dataset(dataset.images[:3], dataset.labels[:3]), path)
    return [line.split(",") for line in path.read_text().splitlines()]


def parse(rows):
    return read_csv(io.BytesIO("\n".join(",".join(row) for row in rows).encode()), name="three.csv")


def test_idx_files_are_read_whole(idx_folder, idx_checksums, dataset):
    train, test = read_mnist(idx_folder, idx_checksums)
    assert (train.images == dataset.images).all()
    assert (test.labels == dataset.labels).all()


def test_csv_brings_back_every_pixel(tmp_path, dataset):
    path = tmp_path / "data" / "train.csv"
    write_csv(dataset, path)
    again = read_csv(path)
    assert (again.images == dataset.images).all()
    assert (again.labels == dataset.labels).all()
    assert again.images.dtype == np.uint8


def test_csv_has_the_kaggle_layout(csv_text, dataset):
    assert csv_text[0] == list(COLUMNS)
    assert csv_text[0][:2] + csv_text[0][-1:] == ["label", "pixel0", "pixel783"]
    assert [int(cell) for cell in csv_text[2][1:]] == dataset.images[1].ravel().tolist()


def test_csv_is_always_the_same_bytes(tmp_path, dataset):
    for name in ("one.csv", "two.csv"):
        write_csv(dataset, tmp_path / name)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_columns_may_come_in_another_order(csv_text):
    expected = parse(csv_text)
    assert (parse([row[::-1] for row in csv_text]).images == expected.images).all()


@pytest.mark.parametrize("size", [0, 3, 15])
def test_idx_without_a_whole_header(images_file, labels_file, size):
    images_file.write_bytes(images_file.read_bytes()[:size])
    with pytest.raises(TruncatedFileError, match=r"train-images-idx3-ubyte: has no whole header"):
        read_idx_dataset(images_file, labels_file)


def test_idx_that_ends_early(images_file, labels_file):
    images_file.write_bytes(images_file.read_bytes()[:-1])
    with pytest.raises(TruncatedFileError, match=r"must hold 156800 bytes .*found 156799"):
        read_idx_dataset(images_file, labels_file)


def test_idx_with_bytes_left_over(images_file, labels_file):
    labels_file.write_bytes(labels_file.read_bytes() + b"\0")
    with pytest.raises(ForeignFileError, match=r"labels-idx1-ubyte: holds more"):
        read_idx_dataset(images_file, labels_file)


def test_idx_of_another_kind(images_file, labels_file):
    with pytest.raises(ForeignFileError, match=r"magic number 2051 \(found 2049\)"):
        read_idx_dataset(labels_file, images_file)


def test_idx_of_images_of_another_size(images_file, labels_file):
    images_file.write_bytes(struct.pack(">4I", 2051, 1, 32, 32) + bytes(1024))
    with pytest.raises(ForeignFileError, match="not 28x28"):
        read_idx_dataset(images_file, labels_file)


def test_idx_with_more_labels_than_images(images_file, labels_file):
    labels_file.write_bytes(struct.pack(">2I", 2049, 2) + b"\1\2")
    with pytest.raises(DataError, match="as many as the 200 images"):
        read_idx_dataset(images_file, labels_file)


def test_idx_with_a_label_that_is_no_digit(images_file, labels_file):
    content = bytearray(labels_file.read_bytes())
    content[8 + 41] = 10
    labels_file.write_bytes(content)
    with pytest.raises(LabelError, match=r"labels-idx1-ubyte, row 42, .*found 10"):
        read_idx_dataset(images_file, labels_file)


def test_idx_file_that_is_missing(images_file, labels_file):
    labels_file.unlink()
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: no such file"):
        read_idx_dataset(images_file, labels_file)


def test_images_that_are_not_28_by_28():
    with pytest.raises(DataError, match="28x28"):
        Dataset(np.zeros((2, 5, 5), np.uint8), np.zeros(2, np.uint8))


@pytest.mark.parametrize("column", ["label", "pixel0", "pixel400", "pixel783"])
def test_csv_without_a_column(csv_text, column):
    position = COLUMNS.index(column)
    rows = [row[:position] + row[position + 1 :] for row in csv_text]
    with pytest.raises(MissingColumnError, match=f"three.csv, column {column}") as caught:
        parse(rows)
    assert caught.value.column == column


def test_csv_with_a_foreign_column(csv_text):
    rows = [[*row, "1"] for row in csv_text]
    rows[0][-1] = "colour"
    with pytest.raises(ForeignFileError, match="column colour"):
        parse(rows)


@pytest.mark.parametrize(
    ("column", "value", "error", "said"),
    [
        ("label", "10", LabelError, "from 0 to 9"),
        ("label", "-1", LabelError, "from 0 to 9"),
        ("label", "three", LabelError, "not a whole number"),
        ("label", "", LabelError, "not a whole number"),
        ("pixel5", "256", PixelError, "from 0 to 255"),
        ("pixel5", "-1", PixelError, "from 0 to 255"),
        ("pixel5", "7.5", PixelError, "not a whole number"),
        ("pixel5", "ink", PixelError, "not a whole number"),
        ("pixel783", "", PixelError, "not a whole number"),
        ("pixel5", "1e30", PixelError, "not a whole number"),
        ("pixel5", "99999999999999999999", PixelError, "not a whole number|from 0 to 255"),
    ],
)
def test_csv_with_a_wrong_value(csv_text, column, value, error, said):
    csv_text[2][COLUMNS.index(column)] = value
    with pytest.raises(error, match=said) as caught:
        parse(csv_text)
    assert (caught.value.source, caught.value.row) == ("three.csv", 2)
    assert caught.value.column == column
    assert "row 2" in str(caught.value)
    assert str(caught.value.value).startswith(value[:2] or "nothing")


def test_the_row_is_counted_over_the_whole_file(tmp_path, dataset):
    many = Dataset(np.tile(dataset.images, (30, 1, 1)), np.tile(dataset.labels, 30))
    path = tmp_path / "many.csv"
    write_csv(many, path)
    lines = path.read_text().splitlines()
    lines[5500] = "12" + lines[5500][1:]
    path.write_text("\n".join(lines))
    with pytest.raises(LabelError) as caught:
        read_csv(path)
    assert (caught.value.row, caught.value.value) == (5500, 12)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_csv_that_is_empty(content):
    with pytest.raises(TruncatedFileError, match=r"three.csv: is empty"):
        read_csv(io.BytesIO(content), name="three.csv")


def test_csv_with_a_header_only(csv_text):
    with pytest.raises(TruncatedFileError, match=r"three.csv: holds no row"):
        parse(csv_text[:1])


def test_csv_with_a_row_that_is_too_short(csv_text):
    csv_text[3] = csv_text[3][:-2]
    with pytest.raises(PixelError, match=r"row 3, column pixel782"):
        parse(csv_text)


@pytest.mark.parametrize("row", [1, 2])
def test_csv_with_a_row_that_is_too_long(csv_text, row):
    csv_text[row] = [*csv_text[row], "9"]
    with pytest.raises(ForeignFileError, match=r"three.csv: is no table"):
        parse(csv_text)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\xff\xfe,\xff", b'label,"pixel0\n1,2'])
def test_csv_that_is_something_else(content):
    with pytest.raises((ForeignFileError, MissingColumnError), match=r"three\.csv"):
        read_csv(io.BytesIO(content), name="three.csv")


def test_csv_file_that_is_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_csv(tmp_path / "none.csv")
