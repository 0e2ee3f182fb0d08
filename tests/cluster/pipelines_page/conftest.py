"""Fixtures: the pipeline server of tests/cluster/pipelines, and a browser that is signed in."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import kfp
import pytest
from pipeline_fixtures import client, kubernetes, namespace, server  # noqa: F401
from pipeline_project import PipelineServer
from pipelines_pages import Browser
from selenium import webdriver

from lab_driver import browser as browsers
from lab_driver.pages.login import LoginPage

from . import pipelines

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def driver(
    server: PipelineServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[webdriver.Chrome]:
    """Chromium that trusts the lab's authority."""
    made = browsers.start(tmp_path_factory.mktemp("home"), server.ca_certificate)
    made.set_window_size(1440, 1000)
    yield made
    made.quit()


@pytest.fixture(scope="session")
def browser(driver: webdriver.Chrome, server: PipelineServer) -> Browser:
    """Signed in to the page."""
    reports = Path(os.environ.get("LAB_REPORTS", ROOT / ".lab" / "reports")) / "pipelines-page"
    reports.mkdir(parents=True, exist_ok=True)
    driver.get(f"{server.url}/#/runs")
    LoginPage(driver, server.url).log_in(server.token)
    shown = Browser(driver, server.url, reports / "cluster")
    (reports / "cluster").mkdir(exist_ok=True)
    return shown


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pipelines, compiled."""
    folder = tmp_path_factory.mktemp("packages")
    made = {}
    for name, function in (("tour", pipelines.tour), ("failure", pipelines.failure)):
        made[name] = folder / f"{name}.yaml"
        kfp.compiler.Compiler().compile(function, str(made[name]))
    return made


@pytest.fixture(scope="session")
def tour_id(client: kfp.Client, packages: dict[str, Path]) -> str:
    """A run that goes on for a while."""
    started = client.create_run_from_pipeline_package(
        str(packages["tour"]),
        {"rows": 3, "seconds": 20},
        run_name="tour",
        experiment_name="tours",
        enable_caching=False,
    )
    return str(started.run_id)
