"""What is wrong with a page as it is shown: at a desk, in the dark, on a phone."""

from __future__ import annotations

from collections.abc import Callable

from dashboard_pages import DESK, PHONE, Dashboard

Rules = Callable[[], list[str]]


def look(page: Dashboard, name: str, broken_rules: Rules) -> list[str]:
    """What is wrong with the page as it is: at a desk, in the dark, on a phone."""
    wrong = [f"desk: {problem}" for problem in broken_rules()]
    page.screenshot(name)
    page.prefer("dark")
    page.wait_until_still()
    wrong += [f"dark: {problem}" for problem in broken_rules()]
    page.screenshot(f"{name}-dark")
    page.prefer("light")
    page.resize(PHONE)
    page.wait_until_still()
    if not page.fits():
        wrong.append(f"phone: {page.overflow} pixels too wide")
    wrong += [f"phone: {problem}" for problem in broken_rules()]
    page.screenshot(f"{name}-phone")
    page.resize(DESK)
    return wrong
