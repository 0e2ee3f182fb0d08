"""Packages from outside: every bad one is refused, with the reason, and nothing is unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from pipeline_server.ir import package
from pipeline_server.ir.errors import PipelineError

GOOD = b"pipelineInfo: {name: x}\nroot: {dag: {}}\n"


def make_zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def make_tar(*entries: tuple[str, bytes], link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type = tarfile.SYMTYPE
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [GOOD, make_zip(**{"pipeline.yaml": GOOD}), make_tar(("./pipeline.yaml", GOOD))],
    ids=["yaml", "zip", "tar.gz"],
)
def test_three_forms_of_a_package(content: bytes) -> None:
    document = package.read_package(content)
    assert document["pipeline_spec"]["pipelineInfo"] == {"name": "x"}


def test_platforms_in_a_second_document() -> None:
    document = package.read_package(GOOD + b"---\nplatforms: {kubernetes: {}}\n")
    assert document["platform_spec"] == {"platforms": {"kubernetes": {}}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"a: [1, 2", "is not YAML"),
        (b"\xff\xfe\xfa", "neither YAML"),
        (b"- a\n- b\n", "must be a mapping"),
        (b"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", "compile it with kfp 2"),
        (b"1: 2\n", "must be a text"),
        (GOOD + b"---\n" + GOOD, "more than one pipeline"),
        (b"---\n", "no pipeline"),
        (b"a: " + b"[" * 200 + b"]" * 200, "nested deeper"),
        (b"PK\x03\x04broken", "zip cannot be read"),
        (b"\x1f\x8bbroken", "tar.gz cannot be read"),
        (make_zip(**{"a.yaml": GOOD, "b.yaml": GOOD}), "single YAML file"),
        (make_zip(**{"readme.txt": GOOD}), "single YAML file"),
        (make_zip(**{"..__..__pipeline.yaml": GOOD}), "outside of itself"),
        (make_tar(("../pipeline.yaml", GOOD)), "outside of itself"),
        (make_tar(("/pipeline.yaml", GOOD)), "outside of itself"),
        (make_tar(("pipeline.yaml", GOOD), link="other.yaml"), "has a link"),
    ],
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        package.read_package(content)


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = make_zip(**{"pipeline.yaml": b"a" * (70 * 1024 * 1024)})
    assert len(bomb) < 200_000
    with pytest.raises(package.PackageTooLargeError, match="unpacks to more"):
        package.read_package(bomb)


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = make_tar(("big.bin", b"\0" * (70 * 1024 * 1024)), ("pipeline.yaml", GOOD))
    with pytest.raises(package.PackageTooLargeError):
        package.read_package(bomb)


def test_a_gzip_that_is_no_tar() -> None:
    with pytest.raises(PipelineError, match="cannot be read"):
        package.read_package(gzip.compress(b"hello"))


def test_aliases_that_unfold_without_end() -> None:
    levels = [b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    for level in range(1, 9):
        inner = b",".join([b"*a%d" % (level - 1)] * 10)
        levels.append(b"a%d: &a%d [%s]" % (level, level, inner))
    with pytest.raises(package.PackageTooLargeError, match="unfolds"):
        package.read_package(b"\n".join(levels))


def test_an_upload_beyond_the_limit() -> None:
    with pytest.raises(package.PackageTooLargeError, match="32 MiB"):
        package.read_package(b"a" * (33 * 1024 * 1024), "big.yaml")


def test_dates_stay_texts() -> None:
    document = package.read_package(b"pipelineInfo: {name: 2024-01-01}\nroot: {}\n")
    assert document["pipeline_spec"]["pipelineInfo"]["name"] == "2024-01-01"


def test_the_digest_is_of_the_content() -> None:
    one = package.read_package(b"root: {}\npipelineInfo: {name: x}\n")
    other = package.read_package(b"pipelineInfo:\n  name: x\nroot: {}\n")
    assert package.digest(one) == package.digest(other)
