"""Every picture of the guide is taken by a test, and every one that is taken is shown.

That they still show the pages as they are is a test of the suite "guide".
"""

from __future__ import annotations

import documents


def test_the_pictures_that_are_shown_taken_and_kept_are_the_same() -> None:
    shown, taken = documents.pictures_shown(), documents.pictures_taken()
    kept = {path.stem for path in documents.PICTURES.glob("*.png")}
    assert shown == taken, f"shown or taken only: {sorted(shown ^ taken)}"
    assert kept == taken, f"kept or taken only: {sorted(kept ^ taken)}"
    assert taken
