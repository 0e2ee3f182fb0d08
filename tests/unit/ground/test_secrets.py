"""No planted secret survives, whatever its shape: in a text, a sentence, a report of any form."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from planted import TEMPLATES, Planted, as_python, planted

from lab_diagnosis.text import last_log_line, one_line
from lab_ground.credential_shapes import SHAPES
from lab_ground.redaction import Redactor, without_escapes

REPOSITORY = Path(__file__).resolve().parents[3]
SUITE = """
import logging
import warnings

import pytest

TEXTS = {texts}


@pytest.mark.serving
@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_it(number, record_property):
    text = TEXTS[number]
    print("printed", text)
    logging.getLogger("lab").error("logged %s", text)
    warnings.warn("warned " + text)
    record_property("said", text)
    if number % 3 == 0:
        assert text == "expected"
    if number % 3 == 1:
        pytest.skip("skipped " + text)
    raise RuntimeError(text)
"""


def test_every_shape_is_planted() -> None:
    assert set(TEMPLATES) == {shape.name for shape in SHAPES}
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize("shape", sorted(TEMPLATES))
def test_no_shape_survives_in_a_text(shape: str) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(planted(shape))
    def check(plant: Planted) -> None:
        masked = Redactor()(plant.text)
        assert not plant.survives(masked), f"{plant} left {masked!r}"
        for said in (one_line(plant.text), last_log_line(plant.text)):
            assert not plant.survives(said), f"{plant} left {said!r}"
        assert Redactor()(masked) == masked

    check()


@given(st.text(st.characters(max_codepoint=0x17F), max_size=200))
def test_no_escape_is_left(text: str) -> None:
    plain = without_escapes(text)
    assert not [c for c in plain if c not in "\t\n\r\x85" and (c < " " or "\x7f" <= c < "\xa0")]
    assert without_escapes(plain) == plain


@pytest.mark.parametrize(
    ("escape", "left"),
    [
        ("\x1b]0;a title\x07x", "x"),
        ("\x1b]8;;https://host/\x1b\\link\x1b]8;;\x1b\\x", "linkx"),
        ("\x1b]52;c;cGFzc3dvcmQ=\nx", "\nx"),
        ("\x1bP1$r0m\x1b\\x", "x"),
        ("\x9d0;title\x9cx", "x"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("cut off \x1b[38;5", "cut off "),
        ("cut off \x1b]0;tit", "cut off "),
        ("\x1b(B\x1b=x", "x"),
        ("a\x08b\x00c\td", "abc\td"),
    ],
)
def test_escapes_go_whole(escape: str, left: str) -> None:
    assert without_escapes(escape) == left
    assert Redactor()(escape) == left


@pytest.mark.parametrize(
    "harmless",
    [
        "Pod mnist-1 is Pending: 0/1 nodes are available: 1 Insufficient cpu.",
        "Secret aws-connection-s3-creds has no key AWS_S3_ENDPOINT",
        "the token was refused, and the password is wrong",
        "https://minio-ds-pipeline.apps.lab:8443/bucket?list-type=2&prefix=a@b",
        "http://10.0.0.1:9000 does not answer (user@host)",
        "basic authentication is off; exit code=3, state=Ready, signature v4",
        "HTTPSConnectionPool(host='minio', port=443): Max retries exceeded with url: /rhods",
        "sha256:1f2e3d4c5b6a79880716253443526170",
        "BEGIN CERTIFICATE",
        "name: mnist, value: 12",
    ],
)
def test_what_is_no_credential_stays(harmless: str) -> None:
    assert Redactor()(harmless) == harmless


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=8, max_size=80)
    .map(str.strip)
    .filter(lambda value: len(value) >= 8)
)
def test_a_known_value_is_masked_in_every_form_of_a_report(value: str) -> None:
    redact = Redactor([value])
    forms = (value, json.dumps(value), json.dumps(value, ensure_ascii=False), html.escape(value))
    for form in (*forms, repr(value)):
        masked = redact(f"<{form}>")
        assert masked.replace("'", '"') in ("<[redacted]>", '<"[redacted]">')


# A run takes two seconds, so what fails is told as it is and not made smaller.
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.lists(planted(), min_size=60, max_size=60))
def test_no_shape_survives_in_terminal_junit_html_or_json(plants: list[Planted]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "test_it.py").write_text(SUITE.format(texts=as_python(plants)))
        told = run_pytest(directory)
    assert {"terminal", "junit.xml", "page.html", "index.html", "summary.json"} <= set(told)
    assert "printed" in told["terminal"]
    assert "RuntimeError" in told["junit.xml"]
    for place, text in told.items():
        left = [plant for plant in plants if plant.survives(text)]
        lines = [line for line in text.splitlines() if left and left[0].survives(line)]
        assert not left, f"{place} has {left} in {lines[:2]}"


@pytest.mark.parametrize(
    "line",
    ["A" * 20_000, "word " * 4_000, "E   a1B2 " * 2_000, "a:" * 10_000, "token " * 3_000,
     "://a:" * 4_000, "\x1b]" * 10_000, 'name: "password" ' * 1_500, "\\x1b[3" * 4_000],
)  # fmt: skip
def test_a_long_text_takes_moments(line: str) -> None:
    began = time.monotonic()
    Redactor(["a-known-value"])(f"{line}\n" * 5)
    assert time.monotonic() - began < 5


def run_pytest(directory: Path) -> dict[str, str]:
    """Run a directory's tests with every form of report; return each, read as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "lab_validation.plugin", "-p", "no:cacheprovider",
         "--lab-report", "report", "--rootdir", str(directory), str(directory), "-vv", "-rA",
         "--junit-xml=junit.xml", "--html=page.html", "--self-contained-html", "--tb=long"],
        cwd=directory,
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    told = {"terminal": done.stdout + done.stderr}
    for path in (*directory.glob("*.xml"), *directory.glob("*.html"), *directory.glob("report/*")):
        text = path.read_text()
        told[path.name] = text + html.unescape(html.unescape(text))
    return told
