"""Writing a file whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

READABLE = 0o644


@contextmanager
def written_whole(
    path: Path, mode: int | None = READABLE, *, durable: bool = False
) -> Iterator[IO[bytes]]:
    """Give a file that takes the name ``path`` only when the block ends without an error.

    A reader sees the old file or the new one. ``mode`` None keeps the former file's (one that is
    new is for its owner alone). ``durable`` has it on the disk before it takes the name, so that
    it survives a machine that loses its power.

    Raises:
        OSError: the directory cannot be written to; the former file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(mode)
        elif path.exists():
            temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes, mode: int | None = READABLE) -> None:
    """Replace a file by ``content`` (text as UTF-8), whole or not at all.

    Raises:
        OSError: the directory cannot be written to; the former file is untouched.
    """
    with written_whole(path, mode) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, document: object, mode: int | None = READABLE) -> None:
    """Replace a file by a document as JSON, whole or not at all."""
    write_whole(path, json.dumps(document, indent=2, sort_keys=True) + "\n", mode)
