"""The recipes build on both bases and fetch nothing but locked packages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

IMAGES = Path(__file__).resolve().parents[3] / "images"
CONTAINERFILES = sorted(IMAGES.glob("*/Containerfile"))
ON_BASE = [path for path in CONTAINERFILES if path.parent.name != "base"]
LOCKS = sorted(IMAGES.glob("*/*.lock"))
PINNED = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[^ @]+ .*--hash=sha256:[0-9a-f]{64}")
SCRIPTS = sorted(IMAGES.glob("*/*.sh"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", ON_BASE, ids=name_of)
def test_base_is_an_argument(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"^ARG BASE_IMAGE=\S+$", text, re.M)
    froms = re.findall(r"^FROM (\S+)", text, re.M)
    assert set(froms) == {"${BASE_IMAGE}"}


@pytest.mark.parametrize("path", ON_BASE, ids=name_of)
def test_ends_as_an_unprivileged_user_of_group_0(path: Path) -> None:
    users = re.findall(r"^USER (\S+)", path.read_text(), re.M)
    assert users[-1] == "1001:0"


@pytest.mark.parametrize("path", [*CONTAINERFILES, *SCRIPTS], ids=name_of)
def test_fetches_nothing_by_url(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"^\s*(curl|wget)\s", text, re.M)
    assert not re.search(r"^ADD\s+\S*://", text, re.M)
    assert "https://" not in text
    assert "http://" not in text


@pytest.mark.parametrize("path", ON_BASE, ids=name_of)
def test_own_source_is_copied_last(path: Path) -> None:
    """So that a changed line of ours does not install the packages again."""
    lines = path.read_text().splitlines()
    copies = [number for number, line in enumerate(lines) if line.startswith("COPY src/")]
    installs = [number for number, line in enumerate(lines) if "install-python.sh /opt" in line]
    if copies and installs:
        assert min(copies) > max(installs)


@pytest.mark.parametrize("path", ON_BASE, ids=name_of)
def test_what_is_copied_is_handed_to_the_build(path: Path) -> None:
    """What stands in no context is not there when the image is built."""
    told = yaml.safe_load((IMAGES.parent / "roles/lab_images/vars/main.yml").read_text())
    recipe = f"images/{name_of(path)}"
    images = [
        image
        for value in told.values()
        if isinstance(value, list)
        for image in value
        if isinstance(image, dict) and image.get("containerfile") == recipe
    ]
    assert images
    lines = path.read_text().replace("\\\n", " ").splitlines()
    copied = [
        word.rstrip("/")
        for line in lines
        if line.startswith("COPY ") and "--from=" not in line
        for word in line.split()[1:-1]
    ]
    # A name that the build is given is known when it is built.
    copied = [word for word in copied if "$" not in word]
    assert copied
    for image in images:
        context = [Path(each) for each in image["context"]]
        missing = [
            word for word in copied if not any(Path(word).is_relative_to(each) for each in context)
        ]
        assert missing == [], f"{image['name']} copies what its context has not"


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_every_package_is_pinned_with_hashes(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert packages
    for line in packages:
        assert PINNED.match(line), line


def test_the_workbench_has_the_versions_of_the_runtime() -> None:
    """A notebook runs in the workbench as it does in a step of the pipeline."""

    def versions(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.M))

    runtime = versions(IMAGES / "runtime/requirements.lock")
    workbench = versions(IMAGES / "workbench/requirements.lock")
    shared = runtime.keys() & workbench.keys()
    assert {"kfp", "ipykernel"} <= shared
    differing = {name for name in shared if runtime[name] != workbench[name]}
    assert not differing
