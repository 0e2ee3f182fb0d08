"""Rules of accessibility, checked in a browser by axe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selenium import webdriver

from embedded_cluster.layout import cache_directory
from lab_checks.page_packages import packages

AXE = Path(__file__).resolve().parents[1] / "browser/page/axe"
CHECK = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]})
  .then(({violations}) => done(violations.map(({id, help, nodes}) =>
    `${id}: ${help} (${nodes.map((node) => node.target.join(" ")).join(", ")})`)))
  .catch((error) => done([String(error)]));
"""


def read_rules() -> str:
    """The script that checks them."""
    return (packages(AXE, cache_directory()) / "axe-core/axe.min.js").read_text()


def find_broken_rules(driver: webdriver.Chrome, rules: str) -> list[str]:
    """What the checker has to say of the page as it is now.

    It is put into the page by the browser's own protocol: the page's policy would refuse it.
    """
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": rules})
    found: Any = driver.execute_async_script(CHECK)
    return list(found)
