"""A seven as a hand draws it, and as keys do."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

# (row, column) of a 28 × 28 picture.
SEVEN = [
    [(4.0, 6.0 + step) for step in range(16)]
    + [(4.0 + step, 21.0 - step * 0.5) for step in range(1, 20)]
]
BAR = [[(14.0, 11.0 + step) for step in range(10)]]
TO_THE_CORNER = [Keys.ARROW_LEFT] * 4
SEVEN_BY_KEYS = [
    *TO_THE_CORNER,
    Keys.SPACE,
    *[Keys.ARROW_RIGHT] * 8,
    *[Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT] * 5,
    Keys.SPACE,
]
