"""A changing request is of the page's own host, or it is refused, whatever its headers hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_ground.same_origin import is_same_origin

HOST = "page.example"


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://page.example"}, True),
        ({"sec-fetch-site": "same-site", "origin": "https://page.example"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://page.example"}, True),
        ({"origin": "https://Page.Example:443"}, True),
        ({"origin": "https://page.example:8443"}, False),
        ({"origin": "http://page.example:443"}, False),
        ({"origin": "https://outer.example", "x-forwarded-host": "outer.example, inner"}, True),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
        ({"origin": "https://page.example.evil"}, False),
        ({}, False),
    ],
)
def test_who_asks(headers: dict[str, str], same: bool) -> None:
    assert is_same_origin({"host": HOST, **headers}) is same


OWN = {f"https://{HOST}", f"https://{HOST}:443", f"http://{HOST}", f"http://{HOST}:80"}


@given(
    st.text(max_size=40), st.sampled_from(["", "https://", f"https://{HOST}", "http://", "null"])
)
def test_no_other_text_is_our_origin(text: str, start: str) -> None:
    origin = start + text
    assert is_same_origin({"host": HOST, "origin": origin}) is (origin.lower() in OWN)
