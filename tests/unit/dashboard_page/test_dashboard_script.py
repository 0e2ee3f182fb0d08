"""The dashboard page's own tests, by Node's test runner, and the size of its first page."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from embedded_cluster.layout import cache_directory
from lab_checks.page_packages import run_npm, sources

DASHBOARD = Path(__file__).resolve().parents[3] / "web/dashboard"
# The environment brings its own Node, so that none has to be on the machine.
NODE = Path(sys.executable).with_name("node")
MOST_SCRIPT = 350 * 1024


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with their packages."""
    return sources(DASHBOARD, tmp_path_factory.mktemp("page") / "dashboard", cache_directory())


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
