"""Reading a pipeline package as clients upload it: YAML, zip or tar.gz.

Everything here comes from outside: sizes, depths, entry counts and names are bounded before
anything is unpacked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, cast

import yaml

from pipeline_server.ir import plain
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.plain import MAXIMUM_DEPTH, MAXIMUM_NODES

MAXIMUM_UPLOAD = 32 * 1024 * 1024
MAXIMUM_DOCUMENT = 16 * 1024 * 1024
MAXIMUM_UNPACKED = 64 * 1024 * 1024
MAXIMUM_ENTRIES = 1000

Document = dict[str, Any]


class PackageTooLargeError(PipelineError):
    """More than the server takes."""


def read_package(content: bytes, filename: str = "") -> Document:
    """The IR in a package: ``{"pipeline_spec": …, "platform_spec": …}``, not checked yet."""
    if len(content) > MAXIMUM_UPLOAD:
        raise PackageTooLargeError(
            f"{filename or 'the package'} has {len(content)} bytes; "
            f"the limit is {MAXIMUM_UPLOAD} (32 MiB)"
        )
    if not content.strip():
        raise PipelineError(f"{filename or 'the package'} is empty")
    if content.startswith(b"PK\x03\x04"):
        text = _read_zip(content)
    elif content.startswith(b"\x1f\x8b"):
        text = _read_tar(content)
    else:
        text = content
    return read_yaml(text)


def read_yaml(content: bytes) -> Document:
    """The IR in one or two YAML documents (pipeline and platforms)."""
    if len(content) > MAXIMUM_DOCUMENT:
        raise PackageTooLargeError(
            f"the pipeline's YAML has {len(content)} bytes; the limit is {MAXIMUM_DOCUMENT}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PipelineError(
            f"the pipeline is neither YAML in UTF-8 nor a zip nor a tar.gz: {error}"
        ) from None
    _check_yaml_size(text)
    try:
        documents = [item for item in yaml.load_all(text, _LOADER) if item is not None]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PipelineError(f"the pipeline is not YAML: {error}") from None
    return join_documents(documents)


def join_documents(documents: list[Any]) -> Document:
    """Tell the pipeline from the platforms among YAML documents."""
    pipeline: Any = None
    platform: dict[str, Any] = {}
    for document in documents:
        if not isinstance(document, dict):
            raise PipelineError(f"the pipeline must be a mapping, not {type(document).__name__}")
        if "platforms" in document and "root" not in document:
            platform.update(document)
        elif pipeline is None:
            pipeline = document
        else:
            raise PipelineError("the package holds more than one pipeline")
    if pipeline is None:
        raise PipelineError("the package holds no pipeline")
    return split_document(pipeline, platform)


def split_document(pipeline: Any, platform: Any = None) -> Document:
    """Bring the ways an IR is sent to one: bare, or with its platforms beside it."""
    if not isinstance(pipeline, dict):
        raise PipelineError(f"pipeline_spec must be an object, not {type(pipeline).__name__}")
    for name, other in (("pipeline_spec", "platform_spec"), ("pipelineSpec", "platformSpec")):
        if name in pipeline:
            pipeline, platform = pipeline[name], pipeline.get(other, platform)
            break
    if not isinstance(pipeline, dict) or not isinstance(platform or {}, dict):
        raise PipelineError("pipeline_spec and platform_spec must be objects")
    if "apiVersion" in pipeline and "kind" in pipeline:
        raise PipelineError(
            f"the package is a Kubernetes {pipeline['kind']}, not a pipeline of KFP 2: "
            "compile it with kfp 2"
        )
    plain.check(pipeline, "the pipeline")
    plain.check(platform or {}, "the pipeline's platforms")
    return {"pipeline_spec": pipeline, "platform_spec": platform or {}}


def read_inline(content: Any) -> Document:
    """The IR in a request's JSON, of which as much is taken as of an upload."""
    document = split_document(content)
    size = len(json.dumps(document, separators=(",", ":")))
    if size > MAXIMUM_DOCUMENT:
        raise PackageTooLargeError(
            f"the pipeline has {size} bytes; the limit is {MAXIMUM_DOCUMENT}"
        )
    return document


def digest(document: Document) -> str:
    """A name for the content."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


# Safe, and without turning dates into objects: an IR knows only JSON's types.
_LOADER: Any = type(
    "Loader",
    (yaml.CSafeLoader,),
    {
        "yaml_implicit_resolvers": {
            first: [item for item in resolvers if item[0] != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        }
    },
)


def _check_yaml_size(text: str) -> None:
    """Bound depth and, with every alias written out, the number of nodes."""
    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = []
    total = 0
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            size = 0
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append((event.anchor, total))
                if len(stack) > MAXIMUM_DEPTH:
                    raise PipelineError(f"the YAML is nested deeper than {MAXIMUM_DEPTH}")
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = stack.pop()
                size = 1
                if anchor:
                    sizes[anchor] = total - before + 1
            elif isinstance(event, yaml.AliasEvent):
                size = sizes.get(str(event.anchor), 1)
            elif isinstance(event, yaml.ScalarEvent):
                size = 1
                if event.anchor:
                    sizes[event.anchor] = 1 + len(event.value) // 100
            total += size
            if total > MAXIMUM_NODES:
                raise PackageTooLargeError(f"the YAML unfolds to more than {MAXIMUM_NODES} nodes")
    except yaml.YAMLError as error:
        raise PipelineError(f"the pipeline is not YAML: {error}") from None


def _choose(names: list[str]) -> str:
    found = [name for name in names if name.endswith((".yaml", ".yml"))]
    if "pipeline.yaml" in found:
        return "pipeline.yaml"
    if len(found) != 1:
        raise PipelineError(
            f"the archive must hold pipeline.yaml or a single YAML file; it holds {len(found)}"
        )
    return found[0]


def _check_entry(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise PipelineError(f"the archive has an entry outside of itself: {name!r}")


def _read_bounded(stream: IO[bytes], limit: int, name: str) -> bytes:
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise PackageTooLargeError(f"{name} unpacks to more than {limit} bytes")
    return content


def _read_zip(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAXIMUM_ENTRIES:
                raise PackageTooLargeError(f"the zip has more than {MAXIMUM_ENTRIES} entries")
            for entry in entries:
                _check_entry(entry.filename)
            if sum(entry.file_size for entry in entries) > MAXIMUM_UNPACKED:
                raise PackageTooLargeError(f"the zip unpacks to more than {MAXIMUM_UNPACKED} bytes")
            name = _choose([entry.filename for entry in entries if not entry.is_dir()])
            with archive.open(name) as stream:
                return _read_bounded(stream, MAXIMUM_DOCUMENT, name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise PipelineError(f"the zip cannot be read: {error}") from None


def _read_tar(content: bytes) -> bytes:
    try:
        with (
            gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked,
            tarfile.open(fileobj=cast(IO[bytes], _Bounded(unpacked)), mode="r|") as archive,
        ):
            files = {entry.name: text for entry, text in _tar_files(archive)}
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OSError) as error:
        raise PipelineError(f"the tar.gz cannot be read: {error}") from None
    return files[_choose(list(files))]


def _tar_files(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for number, entry in enumerate(archive):
        if number >= MAXIMUM_ENTRIES:
            raise PackageTooLargeError(f"the tar.gz has more than {MAXIMUM_ENTRIES} entries")
        _check_entry(entry.name)
        if entry.issym() or entry.islnk():
            raise PipelineError(f"the archive has a link: {entry.name!r}")
        if not entry.isfile() or not entry.name.endswith((".yaml", ".yml")):
            continue
        stream = archive.extractfile(entry)
        if stream is None:
            continue
        entry.name = entry.name.removeprefix("./")
        yield entry, _read_bounded(stream, MAXIMUM_DOCUMENT, entry.name)


class _Bounded(io.RawIOBase):
    """A stream that ends in an error beyond the limit, so that a bomb is never unpacked."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._count = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        if size < 0:
            size = MAXIMUM_UNPACKED + 1
        content = self._stream.read(size)
        self._count += len(content)
        if self._count > MAXIMUM_UNPACKED:
            raise PackageTooLargeError(f"the tar.gz unpacks to more than {MAXIMUM_UNPACKED} bytes")
        return content
