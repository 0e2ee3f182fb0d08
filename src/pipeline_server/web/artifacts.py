"""Decides how an artifact is shown: in a frame, as a picture, as text, or only as a download."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath

from pipeline_server.web.view_models import Artifact

TEXT_SUFFIXES = frozenset(
    {".txt", ".log", ".json", ".yaml", ".yml", ".csv", ".tsv", ".py", ".md", ".toml", ".ini", ".sh"}
)
# SVG can carry scripts: it goes into the sandboxed frame, never into an <img> of another type.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Viewer(StrEnum):
    """Ways to show an artifact."""

    FRAME = "frame"
    NOTEBOOK = "notebook"
    IMAGE = "image"
    MARKDOWN = "markdown"
    TABLE = "table"
    TEXT = "text"
    METRICS = "metrics"
    FOLDER = "folder"
    DOWNLOAD = "download"


def file_name(artifact: Artifact) -> str:
    """The last part of where it is kept, or its name."""
    return PurePosixPath(artifact.uri.split("?", 1)[0]).name or artifact.name


def viewer(artifact: Artifact) -> Viewer:
    """How to show it, by its declared type first and by its name's ending next."""
    name = file_name(artifact)
    suffix = PurePosixPath(name).suffix.lower()
    if artifact.schema == "system.HTML" or suffix in {".html", ".htm", ".svg"}:
        return Viewer.FRAME
    if artifact.schema == "system.Markdown" or suffix == ".md":
        return Viewer.MARKDOWN
    if artifact.schema.endswith("Metrics"):
        return Viewer.METRICS
    if suffix == ".ipynb":
        return Viewer.NOTEBOOK
    if media_type(artifact) in PICTURES:
        return Viewer.IMAGE
    if suffix == ".csv":
        return Viewer.TABLE
    return Viewer.TEXT if suffix in TEXT_SUFFIXES else Viewer.DOWNLOAD


def media_type(artifact: Artifact) -> str:
    """Media type for the response; anything unknown is bytes, which browsers do not run."""
    if artifact.schema == "system.HTML":
        return "text/html; charset=utf-8"
    guessed, _ = mimetypes.guess_type(file_name(artifact))
    if guessed is None:
        suffix = PurePosixPath(file_name(artifact)).suffix.lower()
        return (
            "text/plain; charset=utf-8" if suffix in TEXT_SUFFIXES else "application/octet-stream"
        )
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


KIND_LABELS = {
    Viewer.FRAME: "HTML",
    Viewer.NOTEBOOK: "Notebook",
    Viewer.IMAGE: "Picture",
    Viewer.MARKDOWN: "Markdown",
    Viewer.TABLE: "Table",
    Viewer.TEXT: "Text",
}
# What a person looks for comes first; what was only sent along comes last.
READING_ORDER = (
    Viewer.FRAME,
    Viewer.NOTEBOOK,
    Viewer.IMAGE,
    Viewer.METRICS,
    Viewer.MARKDOWN,
    Viewer.TABLE,
    Viewer.TEXT,
    Viewer.DOWNLOAD,
)


def short_schema(artifact: Artifact) -> str:
    """``Dataset`` for ``system.Dataset``; for a plain artifact what kind of file it is."""
    schema = artifact.schema.rsplit(".", 1)[-1]
    return KIND_LABELS.get(viewer(artifact), "File") if schema == "Artifact" else schema


def in_reading_order(files: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Files of a run: pages, notebooks and pictures first, by name; archives last."""
    return tuple(
        sorted(files, key=lambda item: (READING_ORDER.index(viewer(item)), file_name(item)))
    )
