"""A picture is stale when the page has changed, not when a date in it has."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from lab_driver.pictures import differing, is_stale

SIZE = (1280, 937)
KEPT = sorted((Path(__file__).resolve().parents[3] / "docs/lab/images").glob("*.png"))


def draw(path: Path, *boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Path:
    picture = Image.new("RGB", size, "white")
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill="navy")
    picture.save(path)
    return path


HEADER = (0, 0, 1280, 60)


def test_the_same_page_is_not_stale(tmp_path: Path) -> None:
    page = draw(tmp_path / "a.png", HEADER)
    assert differing(page, draw(tmp_path / "b.png", HEADER)) == 0


def test_another_date_is_tolerated(tmp_path: Path) -> None:
    kept = draw(tmp_path / "a.png", HEADER, (100, 300, 240, 316))
    taken = draw(tmp_path / "b.png", HEADER, (110, 300, 250, 316), (100, 340, 240, 356))
    assert differing(kept, taken) > 0
    assert not is_stale(kept, taken)


@pytest.mark.parametrize("box", [(0, 60, 200, 937), (0, 0, 1280, 140)], ids=["sidebar", "header"])
def test_another_layout_is_stale(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    assert is_stale(draw(tmp_path / "a.png", HEADER), draw(tmp_path / "b.png", HEADER, box))


def test_another_size_is_stale(tmp_path: Path) -> None:
    assert is_stale(draw(tmp_path / "a.png"), draw(tmp_path / "b.png", size=(1280, 900)))


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_no_picture_of_the_guide_passes_for_another(kept: Path) -> None:
    assert all(is_stale(kept, other) for other in KEPT if other != kept)
