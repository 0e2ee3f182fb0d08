"""The dashboard page's own tests, by Node's test runner, and the size of its first page."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded_cluster.layout import cache_directory
from lab_checks.page_packages import dashboard_sources, run_npm

ROOT = Path(__file__).resolve().parents[3]
# The environment brings its own Node, so that none has to be on the machine.
NODE = Path(sys.executable).with_name("node")
MOST_SCRIPT = 350 * 1024


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with their packages."""
    target = tmp_path_factory.mktemp("page") / "dashboard"
    return dashboard_sources(ROOT, target, cache_directory())


@pytest.fixture(scope="module")
def bundle(package: Path) -> Path:
    """The bundle, as the image has it."""
    run_npm(package, cache_directory(), "run", "--silent", "build")
    return package / "dist"


def test_the_page_script(package: Path) -> None:
    done = subprocess.run(
        [str(NODE), "run-tests.mjs"],
        cwd=package, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    passed = re.search(r"pass (\d+)", done.stdout)
    assert passed, done.stdout[-1000:]
    assert int(passed[1]) > 20


def test_the_first_page_is_small(bundle: Path) -> None:
    scripts = json.loads((bundle / "first-page.json").read_text())
    size = sum(len(gzip.compress((bundle / name).read_bytes(), 6)) for name in scripts)
    assert size <= MOST_SCRIPT, f"{size / 1024:.0f} KiB in {len(scripts)} scripts"


def test_nothing_comes_from_elsewhere(bundle: Path) -> None:
    page = (bundle / "index.html").read_text()
    assert re.findall(r"(?:src|href)=\"(?!/)", page) == []
    assert re.findall(r"<style|style=", page) == []
    assert re.findall(r"<script(?![^>]*src=)", page) == []
    [sheet] = (bundle / "assets").glob("dashboard-*.css")
    fetched = re.findall(r"url\(([^)]*)\)", sheet.read_text())
    far = [url for url in fetched if re.match(r"[\"']?(?:https?:|//)", url)]
    assert far == []
    fonts = [url.strip("\"'") for url in fetched if ".woff2" in url]
    assert fonts
    assert [name for name in fonts if not (bundle / "assets" / name).is_file()] == []


def test_every_file_that_the_page_names_is_there(bundle: Path) -> None:
    page = (bundle / "index.html").read_text()
    for name in re.findall(r"(?:src|href)=\"/([^\"]+)\"", page):
        assert (bundle / name).is_file(), name


def as_in_the_documents(text: str, pictures: dict[str, str]) -> str:
    """The panel's text with its places taken out again."""
    text = re.sub(r"\[([^\]]*)\]\(%[A-Z]+%\)", r"\1", text).replace("%NAMESPACE%", "mnist")
    text = re.sub(r"^```\n(.*?)\n```{{copy}}", r"```shell\n\1\n```", text, flags=re.M | re.S)
    for shown, name in pictures.items():
        text = text.replace(f"({shown})", f"(images/{name})")
    return text


def test_the_guide_says_what_the_documents_say(bundle: Path) -> None:
    guide = json.loads((bundle / "guide.json").read_text())
    pictures = {}
    for path in (ROOT / "docs/lab/images").glob("*.png"):
        [made] = (bundle / "assets").glob(f"guide-{path.stem}-????????.png")
        assert made.read_bytes() == path.read_bytes()
        pictures[f"/assets/{made.name}"] = path.name
    parts = {part["file"]: part for part in [guide["introduction"], *guide["parts"]]}
    documents = sorted((ROOT / "docs/lab").glob("*.md"))
    assert sorted(parts) == [path.name for path in documents]
    assert [part["file"][0] for part in guide["parts"]] == list("123456")
    for path in documents:
        heading, _, text = path.read_text().partition("\n")
        part = parts[path.name]
        assert heading in (f"# {part['title']}", f"# {path.name[0]}. {part['title']}")
        if path.name == "README.md":
            text = re.sub(r"^\d+\. \[.*\n", "", text, flags=re.M)
        assert as_in_the_documents(part["text"], pictures) == text.strip()


def test_every_command_of_the_guide_can_be_copied(bundle: Path) -> None:
    guide = json.loads((bundle / "guide.json").read_text())
    for part in [guide["introduction"], *guide["parts"]]:
        written = (ROOT / "docs/lab" / part["file"]).read_text().count("```shell\n")
        assert part["text"].count("```{{copy}}") == written


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("Then look at mnist.\n", "is it the seat's namespace"),
        ("![A page](images/nowhere.png)\n", "there is no picture images/nowhere.png"),
        ("See [the rest](../instructor/README.md).\n", "which is not in the panel"),
    ],
)
def test_what_the_guide_does_not_know_stops_the_build(
    package: Path, tmp_path: Path, said: str, refusal: str
) -> None:
    changed = shutil.copytree(ROOT / "docs/lab", tmp_path / "guide")
    with (changed / "2-notebooks.md").open("a") as document:
        document.write(f"\n{said}")
    call = f'(await import("./guide.mjs")).writeGuide("{tmp_path}/dist", "{changed}")'
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", f"await {call}"],
        cwd=package, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert refusal in done.stderr
