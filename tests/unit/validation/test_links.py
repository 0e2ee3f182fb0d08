"""All that a page shows is opened, and nothing of another host."""

from __future__ import annotations

from lab_driver.links import addresses, walk

HOME = "https://lab.test/runs/r?view=output"
PAGES = {
    HOME: '<a href="/runs/r/artifacts/a/view">a</a><a href="https://else.test/">x</a>'
    '<iframe src="artifacts/b/frame"></iframe><a href="/other#part">o</a><a name="x">n</a>',
    "https://lab.test/runs/r/artifacts/a/view": '<img src="content"><img src="data:image/png,">',
    "https://lab.test/other": '<a href="/never">never</a>',
}


def test_addresses_are_full_and_each_is_there_once() -> None:
    html = '<a href="b">1</a><a href="b#c">2</a><link href="/s.css"><script src="?x=1"></script>'
    assert addresses(html, "https://lab.test/a/") == [
        "https://lab.test/a/b",
        "https://lab.test/s.css",
        "https://lab.test/a/?x=1",
    ]


def test_what_is_missing_is_found_wherever_it_hangs() -> None:
    asked: list[str] = []

    def open_page(address: str) -> tuple[int, str]:
        asked.append(address)
        return (200, PAGES[address]) if address in PAGES else (404, "")

    statuses = walk(HOME, "https://lab.test/runs/r/artifacts/", open_page)
    assert sorted(asked) == sorted(statuses), "each once"
    assert {address for address, status in statuses.items() if status != 200} == {
        "https://lab.test/runs/artifacts/b/frame",
        "https://lab.test/runs/r/artifacts/a/content",
    }
    assert statuses["https://lab.test/other"] == 200
