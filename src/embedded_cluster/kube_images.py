"""Writes the images of the cluster's own pods as one archive that containerd imports.

A component's image is its binary and, for kube-proxy, the iptables programs of this very machine:
inside and outside then agree on the kernel interface that the rules are kept in. Nothing is pulled
and no builder is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded_cluster.layout import Layout

KUBE_COMPONENTS = (
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
)
# What kube-proxy and the network policies call, and what a volume's set-up script uses.
HOST_PROGRAMS = (
    "iptables",
    "iptables-restore",
    "iptables-save",
    "ip6tables",
    "ip6tables-restore",
    "ip6tables-save",
    "conntrack",
    "nft",
    "sh",
    "cat",
    "chmod",
    "ls",
    "mkdir",
    "rm",
    "sleep",
)
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """One image: its reference, the layers it is made of, and what it starts."""

    reference: str
    layers: Sequence[str]
    entrypoint: Sequence[str] = field(default_factory=tuple)


def host_files(programs: Iterable[str] = HOST_PROGRAMS) -> tuple[set[Path], dict[Path, Path]]:
    """The files that these programs need to run elsewhere, and their links name -> target."""
    files: set[Path] = set()
    links: dict[Path, Path] = {}
    for program in programs:
        location = shutil.which(program, path=SEARCH_PATH)
        if location is None:
            raise FileNotFoundError(f"{program} is not installed on this machine")
        target = Path(location).resolve()
        files.add(target)
        name = target.parent / program
        if name != target:
            links[name] = target
    for directory in Path("/usr/lib").glob("*/xtables"):
        for path in directory.glob("*.so"):
            files.add(path.resolve())
            if path.is_symlink():
                links[path] = path.resolve()
    for path in list(files):
        files.update(shared_libraries(path))
    return files, links


def shared_libraries(program: Path) -> set[Path]:
    """The shared libraries of one program, from the dynamic linker itself."""
    listing = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    paths = {
        Path(word)
        for line in listing.stdout.splitlines()
        for word in line.split()
        if word.startswith("/") and not word.endswith(":")
    }
    return {path for path in paths if path.exists()}


def add_file(layer: tarfile.TarFile, source: Path, name: str) -> None:
    """Add a program; owner, mode and time are fixed so that equal input gives equal layers."""
    info = tarfile.TarInfo(name.lstrip("/"))
    info.size = source.stat().st_size
    info.mode = 0o755
    with source.open("rb") as stream:
        layer.addfile(info, stream)


def add_link(layer: tarfile.TarFile, name: str, target: str) -> None:
    """Add a symbolic link."""
    info = tarfile.TarInfo(name.lstrip("/"))
    info.type = tarfile.SYMTYPE
    info.linkname = target
    layer.addfile(info)


def add_directory(layer: tarfile.TarFile, name: str, mode: int = 0o755) -> None:
    """Add a directory."""
    info = tarfile.TarInfo(name.lstrip("/"))
    info.type = tarfile.DIRTYPE
    info.mode = mode
    layer.addfile(info)


def add_text(layer: tarfile.TarFile, name: str, text: str) -> None:
    """Add a small text file."""
    info = tarfile.TarInfo(name.lstrip("/"))
    data = text.encode()
    info.size = len(data)
    info.mode = 0o644
    layer.addfile(info, io.BytesIO(data))


def write_host_layer(layer: tarfile.TarFile) -> None:
    """The layer with this machine's iptables and shell."""
    for name in ("bin", "sbin", "lib", "lib64"):
        add_link(layer, name, f"usr/{name}")
    add_directory(layer, "tmp", 0o1777)
    add_directory(layer, "run")
    add_text(layer, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    add_text(layer, "etc/group", "root:x:0:\n")
    files, links = host_files()
    names: dict[str, Path] = {}
    for path in sorted(files):
        name = str(path)
        for short in ("/bin/", "/sbin/", "/lib/", "/lib64/"):
            if name.startswith(short):
                name = "/usr" + name
        names[name] = path
    for name, path in names.items():
        add_file(layer, path, name)
    for link, target in sorted(links.items()):
        add_link(layer, str(link), str(target))


def write_kube_layer(layer: tarfile.TarFile, binaries: Path) -> None:
    """The layer with the Kubernetes components: one file and its names, or one file each."""
    together = binaries / "kube"
    if together.exists():
        add_file(layer, together, "usr/local/bin/kube")
    for name in KUBE_COMPONENTS:
        if together.exists():
            add_link(layer, f"usr/local/bin/{name}", "kube")
        else:
            add_file(layer, binaries / name, f"usr/local/bin/{name}")


def images(repository: str, tags: dict[str, str]) -> list[Image]:
    """The images of the cluster; `tags` gives the tag of each by its name."""
    plain = (
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
    )
    made = [Image(f"{repository}/{name}:{tags[name]}", ("host", "kube")) for name in plain]
    made.append(
        Image(
            f"{repository}/coredns:{tags['coredns']}", ("host", "kube"), ("/usr/local/bin/coredns",)
        )
    )
    made.append(Image(f"{repository}/pause:{tags['pause']}", ("pause",), ("/pause",)))
    for name, below in (("local-path-provisioner", ()), ("kube-network-policy", ("host",))):
        made.append(
            Image(f"{repository}/{name}:{tags[name]}", (*below, name), (f"/usr/local/bin/{name}",))
        )
    made.append(Image(f"{repository}/tools:{tags['tools']}", ("host",), ("/bin/sh",)))
    return made


def write_archive(output: Path, binaries: Path, chosen: Sequence[Image]) -> None:
    """Write a docker archive with all images; it appears under its name only when complete."""
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".images-") as scratch:
        layers = make_layers(Path(scratch), binaries)
        partial = Path(scratch) / "archive.tar"
        with tarfile.open(partial, "w") as archive:
            for name, (path, digest) in layers.items():
                archive.add(path, f"{digest}/{name}.tar", filter=anonymous)
            manifest = []
            for image in chosen:
                config = image_config(image, [layers[layer][1] for layer in image.layers])
                name = hashlib.sha256(config).hexdigest() + ".json"
                add_text(archive, name, config.decode())
                manifest.append(
                    {
                        "Config": name,
                        "RepoTags": [image.reference],
                        "Layers": [f"{layers[layer][1]}/{layer}.tar" for layer in image.layers],
                    }
                )
            add_text(archive, "manifest.json", json.dumps(manifest))
        partial.replace(output)


def make_layers(scratch: Path, binaries: Path) -> dict[str, tuple[Path, str]]:
    """Each layer's file and digest, by its name."""
    made: dict[str, tuple[Path, str]] = {}
    for name in ("host", "kube", "pause", "local-path-provisioner", "kube-network-policy"):
        path = scratch / f"{name}.tar"
        with tarfile.open(path, "w") as layer:
            if name == "host":
                write_host_layer(layer)
            elif name == "kube":
                write_kube_layer(layer, binaries)
            elif name == "pause":
                add_file(layer, binaries / "pause", "pause")
            else:
                add_file(layer, binaries / name, f"usr/local/bin/{name}")
        with path.open("rb") as stream:
            made[name] = (path, hashlib.file_digest(stream, "sha256").hexdigest())
    return made


def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drop owner and time from an entry."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    return info


def image_config(image: Image, digests: Sequence[str]) -> bytes:
    """The image's configuration as the image specification wants it."""
    return json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
            "os": "linux",
            "config": {
                "Env": [f"PATH={SEARCH_PATH}"],
                "Entrypoint": list(image.entrypoint) or None,
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created_by": f"mnist-lab {layer}"} for layer in image.layers],
        },
        sort_keys=True,
    ).encode()


def archive_key(binaries: Path, tags: dict[str, str], repository: str) -> str:
    """One hash over what the archive is made from: binaries, names and this machine's programs."""
    digest = hashlib.sha256(f"{binaries.name} {repository} {sorted(tags.items())}".encode())
    digest.update(Path(__file__).read_bytes())
    for program in HOST_PROGRAMS:
        location = Path(shutil.which(program, path=SEARCH_PATH) or f"/missing/{program}").resolve()
        size = location.stat().st_size if location.exists() else 0
        digest.update(f"{location} {size}".encode())
    return digest.hexdigest()[:16]


def imported(socket: str, chosen: Sequence[Image], record: Path, key: str) -> bool:
    """Whether containerd has these very images."""
    if not record.exists() or record.read_text().strip() != key:
        return False
    listing = subprocess.run(
        ["ctr", "-a", socket, "-n", "k8s.io", "images", "ls", "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {image.reference for image in chosen} <= set(listing.stdout.split())


def import_archive(socket: str, archive: Path) -> None:
    """Give the archive to containerd."""
    subprocess.run(
        ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", str(archive)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def main() -> int:
    """Make and import the images if containerd lacks them, or with --check tell whether it does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--repository", required=True)
    parser.add_argument("--tags", type=json.loads, required=True)
    parser.add_argument("--socket", required=True)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--apply", action="store_true")
    arguments = parser.parse_args()
    chosen = images(arguments.repository, arguments.tags)
    key = archive_key(arguments.binaries, arguments.tags, arguments.repository)
    record = Layout().configuration / "images.key"
    changed = not imported(arguments.socket, chosen, record, key)
    if changed and arguments.apply:
        archive = arguments.binaries / f"images-{key}.tar"
        if not archive.exists():
            for old in arguments.binaries.glob("images-*.tar"):
                old.unlink()
            write_archive(archive, arguments.binaries, chosen)
        import_archive(arguments.socket, archive)
        record.write_text(key + "\n")
    print(json.dumps({"changed": changed, "images": [image.reference for image in chosen]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
