"""Rules of accessibility, dark theme and 390 pixels on a page of each kind; the others by night."""

from __future__ import annotations

import pytest
from dashboard_pages import Dashboard

from .looks import Rules, look

MNIST = "/projects/mnist?section="
KINDS = {
    "projects": ("/projects", "Shared with me"),
    "workbenches": (f"{MNIST}workbenches", "Second one"),
    "create-workbench": ("/projects/mnist/spawner", "Use a data connection"),
    "configure-server": (f"{MNIST}model-server&form=server", "Model route"),
    "models": (f"{MNIST}model-server", "onnx - 1"),
    "no-storage": ("/projects/fresh?section=cluster-storages", "Start by adding cluster storage"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_a_kind(page: Dashboard, broken_rules: Rules, kind: str) -> None:
    path, sign = KINDS[kind]
    page.open(path).wait_for(sign)
    assert look(page, kind, broken_rules) == []
