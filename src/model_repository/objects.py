"""A directory as a Git repository of one commit, made of nothing but its files.

The same files always make the same commit, so an unchanged repository looks unchanged to whoever
cloned it. What comes out is what Git's "dumb" HTTP protocol fetches: plain files.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path

BRANCH = "main"
_AUTHOR = "MNIST lab <lab@mnist-lab.localhost> 1735689600 +0000"
_FILE, _PROGRAM, _DIRECTORY = "100644", "100755", "40000"

Tree = dict[str, "Tree | tuple[str, bytes]"]


class Repository:
    """The objects of a repository, by their names."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def _add(self, kind: str, content: bytes) -> str:
        data = f"{kind} {len(content)}\0".encode() + content
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self.objects[name] = zlib.compress(data, 9)
        return name

    def _add_tree(self, tree: Tree) -> str:
        entries = []
        for name, child in tree.items():
            if isinstance(child, tuple):
                mode, identity = child[0], self._add("blob", child[1])
            else:
                mode, identity = _DIRECTORY, self._add_tree(child)
            # Git sorts a directory as if its name ended with a slash.
            key = name + "/" if mode == _DIRECTORY else name
            entries.append((key.encode(), f"{mode} {name}\0".encode() + bytes.fromhex(identity)))
        return self._add("tree", b"".join(entry for _, entry in sorted(entries)))

    def commit(self, tree: Tree, message: str) -> str:
        """Add a commit of this tree; return its name."""
        text = f"tree {self._add_tree(tree)}\nauthor {_AUTHOR}\ncommitter {_AUTHOR}\n\n{message}\n"
        return self._add("commit", text.encode())


def read_tree(directory: Path) -> Tree:
    """Read a directory; names that begin with a dot are left out (a volume has such of its own)."""
    tree: Tree = {}
    for path in sorted(directory.iterdir()):
        if path.name.startswith("..") or path.name == ".git":
            continue
        if path.is_dir():
            below = read_tree(path)
            if below:
                tree[path.name] = below
        else:
            mode = _PROGRAM if path.stat().st_mode & 0o100 and path.suffix == ".sh" else _FILE
            tree[path.name] = (mode, path.read_bytes())
    return tree


def build_files(directory: Path, message: str) -> Mapping[str, bytes]:
    """Return the files of a bare repository, by their paths in it."""
    repository = Repository()
    commit = repository.commit(read_tree(directory), message)
    files = {
        "HEAD": f"ref: refs/heads/{BRANCH}\n".encode(),
        "info/refs": f"{commit}\trefs/heads/{BRANCH}\n".encode(),
        f"refs/heads/{BRANCH}": f"{commit}\n".encode(),
        "objects/info/packs": b"\n",
    }
    for name, data in repository.objects.items():
        files[f"objects/{name[:2]}/{name[2:]}"] = data
    return files
