"""Whether two pictures of a page show the same: coarsely, as a reader who glances at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A picture is looked at in so many patches, across and down: a word is less than one.
PATCHES = (64, 54)
# By how much of the way from black to white a patch must differ to count as another.
NOTICED = 0.1
# Dates, names and figures differ in every run; a page that was changed differs in more patches.
TOLERATED = 0.05


def _patches(picture: Image.Image) -> NDArray[np.float64]:
    small = picture.convert("L").resize(PATCHES, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255


def differing(first: Path, second: Path) -> float:
    """Return the share of patches in which two pictures of one size differ, from 0 to 1.

    Pictures of different sizes differ everywhere.
    """
    with Image.open(first) as one, Image.open(second) as other:
        if one.size != other.size:
            return 1.0
        return float(np.mean(np.abs(_patches(one) - _patches(other)) > NOTICED))


def is_stale(kept: Path, taken: Path) -> bool:
    """Tell whether ``kept`` no longer shows what ``taken`` has just seen."""
    return differing(kept, taken) > TOLERATED
