"""Notebooks as pages, artifacts by kind, and values as people read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline_server.web import artifacts, formatting
from pipeline_server.web.artifacts import Viewer
from pipeline_server.web.notebook import render_markdown, render_notebook
from pipeline_server.web.view_models import Artifact

from .sample_lab import notebook

THEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def code(*outputs: dict[str, Any], source: str = "x") -> bytes:
    cell = {"cell_type": "code", "execution_count": 1, "source": source, "outputs": list(outputs)}
    return json.dumps({"cells": [cell]}).encode()


def test_a_notebook_shows_text_code_and_outputs() -> None:
    page = render_notebook(notebook(), "Review.ipynb")
    assert "<strong>mistaken</strong>" in page
    assert "import numpy\nprint(&#x27;ready&#x27;)" in page
    assert "data:image/png;base64," in page


def test_code_and_text_outputs_are_escaped() -> None:
    stream = {"output_type": "stream", "text": ["<script>1</script>"]}
    page = render_notebook(code(stream, source="</pre><script>2</script>"), "x")
    assert "<script>" not in page


def test_errors_lose_their_terminal_colours() -> None:
    error = {"output_type": "error", "traceback": ["\x1b[0;31mValueError\x1b[0m: bad"]}
    assert "<pre>ValueError: bad</pre>" in render_notebook(code(error), "x")


def test_an_image_cannot_leave_its_attribute() -> None:
    data = {"output_type": "display_data", "data": {"image/png": 'AA"><script>alert(1)</script>'}}
    page = render_notebook(code(data), "x")
    assert "<script>" not in page


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"cells": 3}', b"\xff", b'{"cells":[1]}'])
def test_what_is_no_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="is not a Jupyter notebook"):
        render_notebook(content, "x.ipynb")


def test_markdown_runs_nothing() -> None:
    page = render_markdown("<script>1</script> [x](javascript:alert(1)) | a |\n")
    assert "<script>" not in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("uri", "schema", "kind"),
    [
        ("s3://b/Train.html", "system.Artifact", Viewer.FRAME),
        ("s3://b/report", "system.HTML", Viewer.FRAME),
        ("s3://b/plot.svg", "system.Artifact", Viewer.FRAME),
        ("s3://b/Train.ipynb", "system.Artifact", Viewer.NOTEBOOK),
        ("s3://b/plot.PNG", "system.Artifact", Viewer.IMAGE),
        ("s3://b/t.csv", "system.Dataset", Viewer.TABLE),
        ("s3://b/notes", "system.Markdown", Viewer.MARKDOWN),
        ("s3://b/x.json", "system.Artifact", Viewer.TEXT),
        ("s3://b/m", "system.ClassificationMetrics", Viewer.METRICS),
        ("s3://b/model.onnx", "system.Model", Viewer.DOWNLOAD),
        ("s3://b/evil.exe", "system.Artifact", Viewer.DOWNLOAD),
    ],
)
def test_how_an_artifact_is_shown(uri: str, schema: str, kind: Viewer) -> None:
    assert artifacts.viewer(Artifact("a", "n", schema, uri)) is kind


def test_unknown_files_are_bytes() -> None:
    assert (
        artifacts.media_type(Artifact("a", "n", uri="s3://b/x.bin2")) == "application/octet-stream"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (59, "59 s"),
        (60, "1 m 00 s"),
        (231, "3 m 51 s"),
        (7260, "2 h 01 m"),
        (90000, "1 d 01 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formatting.duration(THEN, THEN + timedelta(seconds=seconds)) == text


def test_a_duration_goes_on_until_there_is_an_end() -> None:
    assert formatting.duration(THEN, None, THEN + timedelta(seconds=61)) == "1 m 01 s"
    assert formatting.duration(None, None) == ""
    assert formatting.duration(THEN.replace(tzinfo=None), THEN) == "0.0 s"


def test_values_and_sizes() -> None:
    assert formatting.value({"a": [3.0, 2.5]}) == '{"a": [3, 2.5]}'
    assert formatting.value("text") == "text"
    assert formatting.value("x" * 9000).endswith("(9000 characters)")
    assert [formatting.size(n) for n in (0, 1023, 2048, 3 * 1024**3)] == [
        "0 B",
        "1023 B",
        "2.0 KiB",
        "3.0 GiB",
    ]
    assert [formatting.period(n) for n in (60, 7200, 90, None)] == [
        "every minute",
        "every 2 hours",
        "every 90 seconds",
        "once",
    ]


def test_files_are_listed_as_people_look_for_them() -> None:
    names = ["Train-b394.tar.gz", "roc.png", "Train.ipynb", "evaluation.json", "Train.html"]
    files = [Artifact(name, name, uri=f"s3://b/{name}") for name in names]
    ordered = artifacts.in_reading_order(files)
    assert [file.name for file in ordered] == [
        "Train.html",
        "Train.ipynb",
        "roc.png",
        "evaluation.json",
        "Train-b394.tar.gz",
    ]
    labels = [artifacts.short_schema(file) for file in ordered]
    assert labels == ["HTML", "Notebook", "Picture", "Text", "File"]
    assert artifacts.short_schema(Artifact("m", "m", "system.Model")) == "Model"
