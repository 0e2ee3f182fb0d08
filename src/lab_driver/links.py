"""What a page shows and leads to: its frames, pictures, scripts and links, to be opened each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

ATTRIBUTES = {
    "a": "href",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
}
# Status and, of what is a page of the place, its HTML.
Opened = tuple[int, str]


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        wanted = dict(attributes).get(ATTRIBUTES.get(tag, ""))
        if wanted:
            self.found.append(wanted)


def addresses(html: str, page: str) -> list[str]:
    """Where a page leads and what it loads, in its order, as full addresses; each once."""
    reader = _Addresses()
    reader.feed(html)
    full = (urldefrag(urljoin(page, address)).url for address in reader.found)
    return list(dict.fromkeys(address for address in full if urlsplit(address).scheme != "data"))


def walk(start: str, below: str, open_page: Callable[[str], Opened]) -> Mapping[str, int]:
    """Open a page and all of its host that it shows or leads to, and give each one's status.

    Args:
        start: the page's address.
        below: pages whose addresses begin with this are walked on from, as from the first one;
            others are opened only.
        open_page: gives an address' status, and its HTML if it is a page.
    """
    host = urlsplit(start).netloc
    statuses: dict[str, int] = {}
    ahead = [start]
    while ahead:
        address = ahead.pop(0)
        if address in statuses:
            continue
        statuses[address], html = open_page(address)
        if address == start or address.startswith(below):
            ahead += [found for found in addresses(html, address) if urlsplit(found).netloc == host]
    return statuses
